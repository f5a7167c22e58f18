// Package policy decides who may open the portal, as whom and in which role, by
// a Cedar policy. It knows nothing of Lambda or of Atlas: it is asked with the
// very values that would be sent.
package policy

import (
	"bytes"
	"errors"
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

// Question is one request to open the portal.
type Question struct {
	// Principal is who asks.
	Principal Principal
	// OrderNo, UserName and Role are what Atlas would be sent.
	OrderNo, UserName, Role string
	// Door is the way in: "api", "service" or "unqualified".
	Door string
	// Account is the name of the Atlas account that is asked for.
	Account string
	// SourceIP is the caller's address; the zero Addr when there is none.
	SourceIP netip.Addr
	// Now is the time of the decision.
	Now time.Time
}

// Decision is the answer.
type Decision struct {
	// Allowed is true when a permit applies and no forbid does.
	Allowed bool
	// Policies are the ids of the policies that decided, sorted; none when
	// nothing applied, which denies.
	Policies []string
	// Errors are the ids of the policies that could not be evaluated, sorted. A
	// permit that errs permits nothing; a forbid that errs denies.
	Errors []string
}

// Policy is a parsed policy file. It is immutable and safe for use by several
// goroutines.
type Policy struct {
	name string
	// byPrincipal holds, for each type of principal, the policies whose head can
	// match it, so that a decision does not evaluate what cannot apply.
	byPrincipal map[types.EntityType]cedar.PolicyMap
	count       int
	// tagged tells whether a policy may look at tags, which most never do.
	tagged bool
}

// Parse reads a policy file; name is what errors call it. Every policy is known
// by its @id annotation, or as policy0, policy1, … by its place. A file that
// does not parse, holds no policy, or gives two the same id is an error, with
// file, line and column.
func Parse(name string, text []byte) (*Policy, error) {
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return nil, parseError(name, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: holds no policy, which would deny everybody; write one, or take policies/default.cedar", name)
	}
	p := &Policy{
		name: name, byPrincipal: map[types.EntityType]cedar.PolicyMap{}, count: len(list),
		// The names of Cedar's two operations on tags, wherever they stand.
		tagged: bytes.Contains(text, []byte("getTag")) || bytes.Contains(text, []byte("hasTag")),
	}
	seen := map[types.PolicyID]types.Position{}
	var bad []error
	for i, statement := range list {
		id := types.PolicyID(fmt.Sprintf("policy%d", i))
		if written, ok := statement.Annotations()["id"]; ok {
			id = types.PolicyID(written)
		}
		at := statement.Position()
		if first, ok := seen[id]; ok {
			bad = append(bad, fmt.Errorf("%s:%d:%d: the id %q is taken by the policy in line %d", name, at.Line, at.Column, id, first.Line))
		}
		seen[id] = at
		for _, kind := range matching(statement) {
			if p.byPrincipal[kind] == nil {
				p.byPrincipal[kind] = cedar.PolicyMap{}
			}
			p.byPrincipal[kind][id] = statement
		}
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return p, nil
}

// matching returns the types of principal that the policy's head can match.
func matching(statement *cedar.Policy) []types.EntityType {
	switch scope := (*ast.Policy)(statement.AST()).Principal.(type) {
	case ast.ScopeTypeEq:
		return []types.EntityType{scope.Entity.Type}
	case ast.ScopeTypeIs:
		return []types.EntityType{scope.Type}
	case ast.ScopeTypeIsIn:
		return []types.EntityType{scope.Type}
	default: // principal, principal in …
		return []types.EntityType{typeOperator, typeAwsPrincipal, typeService, typeLoadBalancer, typeAnonymous}
	}
}

// PermitsAnonymous reports whether the file has a permit whose head can match a
// caller without an identity, whatever its conditions: a `permit` must name the
// type of principal that it is for.
func (p *Policy) PermitsAnonymous() bool {
	for _, statement := range p.byPrincipal[typeAnonymous] {
		if statement.Effect() == cedar.Permit {
			return true
		}
	}
	return false
}

// Count returns how many policies the file holds.
func (p *Policy) Count() int { return p.count }

// Name returns the file's name, as given to Parse.
func (p *Policy) Name() string { return p.name }

// Decide answers the question. It denies unless a policy permits.
func (p *Policy) Decide(q Question) Decision {
	principal, order := q.Principal.entity(p.tagged), types.NewEntityUID("Order", types.String(q.OrderNo))
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
	set := p.byPrincipal[principal.UID.Type]
	verdict, diagnostic := cedar.Authorize(set, entities{principal, {UID: order}}, types.Request{
		Principal: principal.UID,
		Action:    types.NewEntityUID("Action", Action),
		Resource:  order,
		Context:   types.NewRecord(context),
	})
	decision := Decision{Allowed: verdict == cedar.Allow}
	for _, reason := range diagnostic.Reasons {
		decision.Policies = append(decision.Policies, string(reason.PolicyID))
	}
	for _, failed := range diagnostic.Errors {
		decision.Errors = append(decision.Errors, string(failed.PolicyID))
		// Cedar skips a policy that errs. For a forbid that would open what
		// its author meant to close.
		if set[failed.PolicyID].Effect() == cedar.Forbid {
			decision.Allowed = false
			decision.Policies = []string{string(failed.PolicyID)}
		}
	}
	slices.Sort(decision.Policies)
	slices.Sort(decision.Errors)
	return decision
}

// entities is a cedar entity store of the two that a question has.
type entities [2]types.Entity

// Get makes entities a types.EntityGetter.
func (e entities) Get(uid types.EntityUID) (types.Entity, bool) {
	for i := range e {
		if e[i].UID == uid {
			return e[i], true
		}
	}
	return types.Entity{}, false
}
