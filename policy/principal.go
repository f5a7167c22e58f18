package policy

import (
	"strconv"

	"github.com/cedar-policy/cedar-go/types"
)

// The entity types of principals, as schema.cedarschema declares them.
const (
	typeOperator     types.EntityType = "Operator"
	typeAwsPrincipal types.EntityType = "AwsPrincipal"
	typeService      types.EntityType = "Service"
	typeLoadBalancer types.EntityType = "LoadBalancer"
	typeAnonymous    types.EntityType = "Anonymous"
)

// Principal is the caller, as AWS vouches for it. The zero Principal is Anonymous.
type Principal struct {
	kind       types.EntityType
	id         string
	name       string
	attributes types.RecordMap
	tags       types.RecordMap
}

// Operator is a person whom an identity provider signed in. issuer and subject
// identify them, name is their name in Atlas, groups are their groups, and
// claims are all the token's claims, each as the list of its values.
func Operator(issuer, subject, name string, groups []string, claims map[string][]string) Principal {
	tags := make(types.RecordMap, len(claims))
	for claim, values := range claims {
		tags[types.String(claim)] = set(values)
	}
	return Principal{
		kind: typeOperator, id: subject, name: name, tags: tags,
		attributes: types.RecordMap{
			"name": types.String(name), "groups": set(groups), "issuer": types.String(issuer),
		},
	}
}

// AwsPrincipal is an AWS identity whose signature AWS has checked.
func AwsPrincipal(arn, account string) Principal {
	return Principal{
		kind: typeAwsPrincipal, id: arn,
		attributes: types.RecordMap{"arn": types.String(arn), "account": types.String(account)},
	}
}

// Service is a caller that may invoke the function through the door.
func Service(door string) Principal { return Principal{kind: typeService, id: door} }

// LoadBalancer is an Application Load Balancer, by its target group. It does not
// identify the sender of the request.
func LoadBalancer(targetGroupARN string) Principal {
	return Principal{kind: typeLoadBalancer, id: targetGroupARN}
}

// Anonymous is a caller without an identity.
func Anonymous() Principal { return Principal{} }

// IsAnonymous reports whether p is a caller without an identity.
func (p Principal) IsAnonymous() bool { return p.kind == "" }

// IsOperator reports whether p is a signed-in operator.
func (p Principal) IsOperator() bool { return p.kind == typeOperator }

// Name returns an operator's name, and "" for every other principal.
func (p Principal) Name() string { return p.name }

// String returns the principal as a policy writes it: Operator::"id".
func (p Principal) String() string {
	return string(p.uid().Type) + "::" + strconv.Quote(p.id)
}

func (p Principal) uid() types.EntityUID {
	if p.IsAnonymous() {
		return types.NewEntityUID(typeAnonymous, "")
	}
	return types.NewEntityUID(p.kind, types.String(p.id))
}

// entity returns the principal as a policy sees it.
func (p Principal) entity() types.Entity {
	return types.Entity{UID: p.uid(), Attributes: types.NewRecord(p.attributes), Tags: types.NewRecord(p.tags)}
}

func set(values []string) types.Set {
	members := make([]types.Value, len(values))
	for i, v := range values {
		members[i] = types.String(v)
	}
	return types.NewSet(members...)
}
