// Package handler answers the function's invocations. docs/architecture.md names
// its files in the order of a request.
package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// Config configures a Handler. Fields without a stated default are required.
type Config struct {
	// Accounts are the Atlas accounts by name, DefaultAccount among them.
	Accounts map[string]*Account
	// Policy decides who may open the portal.
	Policy *policy.Policy
	// PolicyModified is the modification time of the policy's file, for a metric.
	// Zero means unknown.
	PolicyModified time.Time
	// Candidate is a policy that is only compared: the audit line reports where
	// its decision differs. Nil means none.
	Candidate *policy.Policy
	// Roles are the roles that a request may name.
	Roles []string
	// NameClaim and GroupsClaim are the claims with an operator's name and groups.
	NameClaim, GroupsClaim string
	// AttemptTimeout bounds one call of Atlas.
	AttemptTimeout time.Duration
	// SAMLocal is for SAM's local gateway, which runs no authorizer and invokes no
	// alias: events with an identity are accepted without the alias api, and the
	// policy decides on callers without an identity, which are otherwise refused
	// before.
	SAMLocal bool
	// Now is the wall clock of the policy and the circuit breaker. Nil means
	// time.Now.
	Now func() time.Time
	// Function is the function's name, the metrics' dimension, and Version its
	// version, by which links and refusals are also counted.
	Function, Version string
	// Logger receives the audit lines.
	Logger *slog.Logger
}

// Handler answers invocations. It is safe for concurrent use.
type Handler struct {
	config   Config   // with defaults
	names    []string // of the accounts, sorted
	invoked  atomic.Bool
	inFlight atomic.Int64
}

// New returns a Handler. The error names every missing field.
func New(c Config) (*Handler, error) {
	var faults []error
	for field, absent := range map[string]bool{
		"Accounts[default]": c.Accounts[DefaultAccount] == nil, "Policy": c.Policy == nil, "Roles": len(c.Roles) == 0,
		"NameClaim": c.NameClaim == "", "GroupsClaim": c.GroupsClaim == "", "AttemptTimeout": c.AttemptTimeout <= 0,
		"Logger": c.Logger == nil,
	} {
		if absent {
			faults = append(faults, fmt.Errorf("handler: Config.%s is missing", field))
		}
	}
	for name, account := range c.Accounts {
		if account.Atlas == nil || account.Secret == nil {
			faults = append(faults, fmt.Errorf("handler: Config.Accounts[%q] is not complete", name))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	for _, account := range c.Accounts {
		account.breaker = newBreaker(c.Now)
	}
	return &Handler{config: c, names: slices.Sorted(maps.Keys(c.Accounts))}, nil
}

// Invoke answers one invocation. payload is the event; the result is the reply
// in the form that the event's caller expects. It implements lambda.Handler, so
// that aws-lambda-go passes the bytes unchanged.
//
// An error is a messages.InvokeResponse_Error whose Type is a Code. Only callers
// that expect function errors get one.
func (h *Handler) Invoke(ctx context.Context, payload []byte) (out []byte, err error) {
	h.inFlight.Add(1)
	defer h.inFlight.Add(-1)
	r := &record{began: time.Now(), coldStart: !h.invoked.Swap(true), door: doorUnqualified}
	lc, inLambda := lambdacontext.FromContext(ctx)
	if inLambda {
		r.requestID, r.door = lc.AwsRequestID, doorOf(lc.InvokedFunctionArn)
	} else {
		lc = &lambdacontext.LambdaContext{}
	}
	// An event of unknown shape gets the reply of a plain invocation.
	c, s := plain, &shape{}
	defer func() {
		if recovered := recover(); recovered != nil {
			h.logPanic(ctx, recovered)
			r.outcome = string(Internal)
			out, err = c.fail(s, internalFault, r.requestID)
		}
		r.write(ctx, h.config.Logger, h.config.Function, h.config.Version)
	}()
	r.policyCount = h.config.Policy.Count()
	if !h.config.PolicyModified.IsZero() {
		r.policyAge = h.config.Now().Sub(h.config.PolicyModified)
	}
	var reply atlas.Reply
	s, known, f := recognise(payload, toolName(lc))
	if f == nil {
		c = known
		reply, f = h.serve(ctx, payload, c, r)
	}
	if f != nil {
		r.outcome = string(f.code)
		return c.fail(s, *f, r.requestID)
	}
	out, err = c.succeed(s, reply)
	r.success(reply)
	return out, err
}

// Drain waits until no invocation is in flight.
func (h *Handler) Drain() {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for h.inFlight.Load() > 0 {
		<-tick.C
	}
}

// logPanic logs where a panic happened. The panic's value may be any text, even
// the secret, so only its type is logged. The Go runtime's own errors contain
// only types, indexes and addresses.
func (h *Handler) logPanic(ctx context.Context, recovered any) {
	attrs := []any{"event", "panic", "type", fmt.Sprintf("%T", recovered), "stack", string(debug.Stack())}
	if err, ok := recovered.(runtime.Error); ok {
		attrs = append(attrs, "error", err.Error())
	}
	h.config.Logger.ErrorContext(ctx, "a request panicked; the process continues", attrs...)
}
