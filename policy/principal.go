package policy

import "github.com/cedar-policy/cedar-go/types"

const (
	typeOperator  types.EntityType = "Operator"
	typeAnonymous types.EntityType = "Anonymous"
)

// Principal is the caller, as AWS vouches for it. The zero Principal is Anonymous.
type Principal struct {
	entity types.Entity
	name   string
}

// principal returns a caller of a type that schema.cedarschema declares.
func principal(kind types.EntityType, id string, attributes types.RecordMap) Principal {
	return Principal{entity: types.Entity{UID: types.NewEntityUID(kind, types.String(id)), Attributes: types.NewRecord(attributes)}}
}

// Operator is a person whom an identity provider signed in. issuer and subject
// identify them, name is their name in Atlas, groups are their groups, and
// claims are all the token's claims, each as the list of its values.
func Operator(issuer, subject, name string, groups []string, claims map[string][]string) Principal {
	p := principal(typeOperator, subject, types.RecordMap{
		"name": types.String(name), "groups": set(groups), "issuer": types.String(issuer),
	})
	tags := make(types.RecordMap, len(claims))
	for claim, values := range claims {
		tags[types.String(claim)] = set(values)
	}
	p.name, p.entity.Tags = name, types.NewRecord(tags)
	return p
}

// AwsPrincipal is an AWS identity whose signature AWS has checked.
func AwsPrincipal(arn, account string) Principal {
	return principal("AwsPrincipal", arn, types.RecordMap{"arn": types.String(arn), "account": types.String(account)})
}

// Service is a caller that may invoke the function through the door.
func Service(door string) Principal { return principal("Service", door, nil) }

// LoadBalancer is an Application Load Balancer, by its target group. It does not
// identify the sender of the request.
func LoadBalancer(targetGroupARN string) Principal {
	return principal("LoadBalancer", targetGroupARN, nil)
}

// Anonymous is a caller without an identity.
func Anonymous() Principal { return Principal{} }

// IsAnonymous reports whether p is a caller without an identity.
func (p Principal) IsAnonymous() bool { return p.uid().Type == typeAnonymous }

// IsOperator reports whether p is a signed-in operator.
func (p Principal) IsOperator() bool { return p.uid().Type == typeOperator }

// Name returns an operator's name, and "" for every other principal.
func (p Principal) Name() string { return p.name }

// String returns the principal as a policy writes it: Operator::"id".
func (p Principal) String() string { return p.uid().String() }

func (p Principal) uid() types.EntityUID {
	if p.entity.UID.IsZero() {
		return types.NewEntityUID(typeAnonymous, "")
	}
	return p.entity.UID
}

func set(values []string) types.Set {
	members := make([]types.Value, len(values))
	for i, v := range values {
		members[i] = types.String(v)
	}
	return types.NewSet(members...)
}
