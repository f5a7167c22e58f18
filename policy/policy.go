// Package policy decides who may open the portal, as whom and in which role, by
// a Cedar policy. It depends on neither Lambda nor Atlas. Callers pass the exact
// values that they would send to Atlas.
package policy

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// Action is the one action that policies decide on.
const Action = "openPortal"

// Schema describes what a policy can decide on; Default is the default policy.
var (
	//go:embed schema.cedarschema
	Schema []byte
	//go:embed default.cedar
	Default []byte
)

// Question is one request to open the portal.
type Question struct {
	// Principal is the caller.
	Principal Principal
	// OrderNo, UserName and Role are what Atlas would be sent.
	OrderNo, UserName, Role string
	// Door is the Lambda alias of the invocation: "api", "service" or "unqualified".
	Door string
	// Account is the name of the requested Atlas account.
	Account string
	// SourceIP is the caller's address; the zero Addr when there is none.
	SourceIP netip.Addr
	// Now is the time of the decision.
	Now time.Time
}

// Decision is the answer to a Question.
type Decision struct {
	// Allowed is true when a permit applies and no forbid does.
	Allowed bool
	// Policies are the ids of the policies that decided, sorted. It is empty when
	// no policy applied, which denies.
	Policies []string
	// Errors are the ids of the policies whose evaluation failed, sorted. A
	// failed permit permits nothing; a failed forbid denies.
	Errors []string
}

// Policy is a parsed policy file. It is immutable and safe for concurrent use.
type Policy struct {
	statements       cedar.PolicyMap
	permitsAnonymous bool
}

// Parse reads a policy file; name is its name in errors. The id of a policy is
// its @id annotation, or policy0, policy1, … by its position. Parse fails with a
// Problem for a file that is not valid Cedar, holds no policy, uses an id twice,
// or has a permit whose head names no type of principal.
func Parse(name string, text []byte) (*Policy, error) {
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return nil, ProblemAt(name, text, 0, "begins with a byte order mark; save the file as UTF-8 without one")
	}
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return nil, syntaxProblem(name, text)
	}
	if len(list) == 0 {
		return nil, ProblemAt(name, text, 0, "holds no policy, so it would deny every request; write one, or use policies/default.cedar")
	}
	p := &Policy{statements: cedar.PolicyMap{}}
	for i, statement := range list {
		offset := statement.Position().Offset
		id := types.PolicyID(fmt.Sprintf("policy%d", i))
		if annotation, ok := statement.Annotations()["id"]; ok {
			id = types.PolicyID(annotation)
		}
		if first, ok := p.statements[id]; ok {
			return nil, ProblemAt(name, text, offset, "the id %q is taken by the policy in line %d", id, first.Position().Line)
		}
		p.statements[id] = statement
		if statement.Effect() == cedar.Forbid {
			continue
		}
		kind := principalType(statement)
		if kind == "" {
			tokens := Tokens(text)
			head := slices.IndexFunc(tokens, func(t Token) bool { return t.Offset > offset && t.Text == "principal" })
			return nil, ProblemAt(name, text, tokens[head].Offset, "this permit names no type of principal, so it matches "+
				"callers without an identity too; write `principal is Operator`, or another type")
		}
		p.permitsAnonymous = p.permitsAnonymous || kind == typeAnonymous
	}
	return p, nil
}

// principalType returns the type of principal that the policy's head names, or "".
func principalType(statement *cedar.Policy) types.EntityType {
	switch scope := (*ast.Policy)(statement.AST()).Principal.(type) {
	case ast.ScopeTypeEq:
		return scope.Entity.Type
	case ast.ScopeTypeIs:
		return scope.Type
	case ast.ScopeTypeIsIn:
		return scope.Type
	default: // principal, principal in …
		return ""
	}
}

// PermitsAnonymous reports whether the file has a permit for callers without an
// identity, whatever its conditions.
func (p *Policy) PermitsAnonymous() bool { return p.permitsAnonymous }

// Count returns how many policies the file holds.
func (p *Policy) Count() int { return len(p.statements) }

// request returns the question as a Cedar request and the entities in it.
func (q Question) request() (cedar.Request, types.EntityMap) {
	principal, order := q.Principal.entity, types.NewEntityUID("Order", types.String(q.OrderNo))
	principal.UID = q.Principal.uid()
	context := types.RecordMap{
		"userName": types.String(q.UserName),
		"role":     types.String(q.Role),
		"door":     types.String(q.Door),
		"account":  types.String(q.Account),
		"now":      types.NewDatetime(q.Now),
	}
	if q.SourceIP.IsValid() {
		addr := q.SourceIP.Unmap().WithZone("")
		context["sourceIp"] = types.IPAddr(netip.PrefixFrom(addr, addr.BitLen()))
	}
	return cedar.Request{
		Principal: principal.UID,
		Action:    types.NewEntityUID("Action", Action),
		Resource:  order,
		Context:   types.NewRecord(context),
	}, types.EntityMap{principal.UID: principal, order: {UID: order}}
}

// Decide answers the question. It denies unless a policy permits.
func (p *Policy) Decide(q Question) Decision {
	request, entities := q.request()
	verdict, diagnostic := cedar.Authorize(p.statements, entities, request)
	decision := Decision{Allowed: verdict == cedar.Allow}
	for _, reason := range diagnostic.Reasons {
		decision.Policies = append(decision.Policies, string(reason.PolicyID))
	}
	for _, failed := range diagnostic.Errors {
		decision.Errors = append(decision.Errors, string(failed.PolicyID))
		// Cedar skips a policy whose evaluation fails. Skipping a forbid
		// would permit what its author meant to deny.
		if p.statements[failed.PolicyID].Effect() == cedar.Forbid {
			decision.Allowed = false
			decision.Policies = []string{string(failed.PolicyID)}
		}
	}
	slices.Sort(decision.Policies)
	slices.Sort(decision.Errors)
	return decision
}
