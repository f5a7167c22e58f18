package policy

import (
	"strconv"

	"github.com/cedar-policy/cedar-go/types"
)

// The entity types of principals, as policies/schema.cedarschema declares them.
const (
	typeOperator     types.EntityType = "Operator"
	typeAwsPrincipal types.EntityType = "AwsPrincipal"
	typeService      types.EntityType = "Service"
	typeLoadBalancer types.EntityType = "LoadBalancer"
	typeAnonymous    types.EntityType = "Anonymous"
)

// Principal is who asks, as AWS vouches for it. The zero Principal is Anonymous.
type Principal struct {
	kind       types.EntityType
	id         string
	name       string
	attributes types.RecordMap
	claims     func() map[string][]string
}

// Operator is a person whom an identity provider signed in: issuer and subject
// identify them, name is what Atlas knows them by, groups are those that the
// provider says they are in, and claims tells what else the token says, each
// claim as the list of its values. It is asked only for a policy that looks at
// tags; nil tells nothing.
func Operator(issuer, subject, name string, groups []string, claims func() map[string][]string) Principal {
	return Principal{
		kind: typeOperator, id: subject, name: name, claims: claims,
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

// Service is whoever may invoke the function through the door.
func Service(door string) Principal { return Principal{kind: typeService, id: door} }

// LoadBalancer is an Application Load Balancer, by its target group: it does not
// vouch for whoever sent the request.
func LoadBalancer(targetGroupARN string) Principal {
	return Principal{kind: typeLoadBalancer, id: targetGroupARN}
}

// Anonymous is nobody.
func Anonymous() Principal { return Principal{kind: typeAnonymous} }

// IsAnonymous reports whether p is nobody.
func (p Principal) IsAnonymous() bool { return p.kind == typeAnonymous || p.kind == "" }

// IsOperator reports whether p is a signed-in operator.
func (p Principal) IsOperator() bool { return p.kind == typeOperator }

// Name returns an operator's name, and "" for every other principal.
func (p Principal) Name() string { return p.name }

// String returns the principal as a policy writes it: Operator::"id".
func (p Principal) String() string {
	return string(p.uid().Type) + "::" + strconv.Quote(p.id)
}

func (p Principal) uid() types.EntityUID {
	kind := p.kind
	if kind == "" {
		kind = typeAnonymous
	}
	return types.NewEntityUID(kind, types.String(p.id))
}

// entity is the principal as Cedar sees it, with the claims as its tags when
// asked for.
func (p Principal) entity(tagged bool) types.Entity {
	e := types.Entity{UID: p.uid(), Attributes: types.NewRecord(p.attributes)}
	if tagged && p.claims != nil {
		tags := types.RecordMap{}
		for claim, values := range p.claims() {
			tags[types.String(claim)] = set(values)
		}
		e.Tags = types.NewRecord(tags)
	}
	return e
}

func set(values []string) types.Set {
	members := make([]types.Value, len(values))
	for i, v := range values {
		members[i] = types.String(v)
	}
	return types.NewSet(members...)
}
