// Package handler answers the function's invocations. docs/architecture.md names
// its files in the order of a request.
package handler

import (
	"context"
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
	"atriptoken/secret"
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

// Account is one Atlas account.
type Account struct {
	Atlas  *atlas.Client
	Secret *secret.Store

	breaker *breaker
}

// DefaultAccount is the name of the account that every deployment has.
const DefaultAccount = "default"

// Handler answers invocations. It is safe for concurrent use.
type Handler struct {
	config  Config   // with defaults
	names   []string // of the accounts, sorted
	invoked atomic.Bool
}

// New returns a Handler.
func New(c Config) *Handler {
	if c.Now == nil {
		c.Now = time.Now
	}
	for _, account := range c.Accounts {
		account.breaker = newBreaker(c.Now)
	}
	return &Handler{config: c, names: slices.Sorted(maps.Keys(c.Accounts))}
}

// Invoke answers one invocation. payload is the event; the result is the reply
// in the form that the event's caller expects. It implements lambda.Handler, so
// that aws-lambda-go passes the bytes unchanged. Like aws-lambda-go, a caller sets
// the context's deadline and Lambda context.
//
// An error is a messages.InvokeResponse_Error whose Type is a Code. Only callers
// that expect function errors get one.
func (h *Handler) Invoke(ctx context.Context, payload []byte) (out []byte, err error) {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		lc = &lambdacontext.LambdaContext{} // every door is closed
	}
	r := &record{began: time.Now(), door: doorOf(lc.InvokedFunctionArn)}
	r.text("requestId", lc.AwsRequestID, "door", r.door)
	// An event of unknown shape gets the answer of a plain invocation.
	c, s, o := &caller{answer: functionResult}, &shape{tool: toolName(lc)}, outcome{requestID: lc.AwsRequestID}
	defer func() {
		if recovered := recover(); recovered != nil {
			h.logPanic(ctx, recovered)
			o.fault = internalFault
			out, err = c.answer(s, o)
		}
		r.write(ctx, &h.config, o)
	}()
	r.start(!h.invoked.Swap(true), &h.config)
	known, f := recognise(payload, s)
	if o.fault = f; f == nil {
		c = known
		o.reply, o.fault = h.serve(ctx, payload, c, r)
	}
	return c.answer(s, o)
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
