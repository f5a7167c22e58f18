// Package handler answers the function's invocations. The files tell the story
// of a request: event.go knows the caller and door.go the way it came in; http.go
// and request.go check what it sent, identity.go says who it is, serve.go decides,
// call.go asks Atlas, answer.go answers and record.go records. Each caller has a
// file of its own.
package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// Config is what a Handler needs. Every field without a default is required.
type Config struct {
	// Account is the Atlas account that is called, named DefaultAccount.
	Account Account
	// Accounts are further ones, by their names; see account.go.
	Accounts map[string]Account
	// Policy decides who may open the portal.
	Policy *policy.Policy
	// PolicyModified is when the policy's file was last changed, for a metric.
	// Zero means that it is not known.
	PolicyModified time.Time
	// Candidate is a policy that decides nothing: the audit line tells where it
	// would have decided otherwise. Nil means none.
	Candidate *policy.Policy
	// Roles are the roles that a request may name.
	Roles []string
	// NameClaim and GroupsClaim are the JWT claims that name an operator and
	// their groups.
	NameClaim, GroupsClaim string
	// AttemptTimeout bounds one call of Atlas.
	AttemptTimeout time.Duration
	// Margin is kept of the invocation's time for answering. Zero means 500 ms.
	Margin time.Duration
	// AllowAnonymous lets the policy decide on callers without an identity,
	// who are otherwise turned away before it is asked. For SAM's local
	// gateway, which runs no authorizer.
	AllowAnonymous bool
	// Now tells the wall clock's time, for the policy and the circuit breaker.
	// Nil means time.Now.
	Now func() time.Time
	// Function is the function's name, the metrics' dimension.
	Function string
	// Logger takes the audit lines. Nil means slog.Default().
	Logger *slog.Logger
}

// Handler answers invocations. It is safe for use by several goroutines.
type Handler struct {
	config   Config // with its defaults filled in
	accounts accounts

	inFlight atomic.Int64
	invoked  atomic.Bool
}

const defaultMargin = 500 * time.Millisecond

// New returns a Handler, or an error that names every field that is missing.
func New(c Config) (*Handler, error) {
	var missing []error
	for field, absent := range map[string]bool{
		"Account.Atlas": c.Account.Atlas == nil, "Account.Secret": c.Account.Secret == nil,
		"Policy": c.Policy == nil, "Roles": len(c.Roles) == 0,
		"NameClaim": c.NameClaim == "", "GroupsClaim": c.GroupsClaim == "",
		"AttemptTimeout": c.AttemptTimeout <= 0,
	} {
		if absent {
			missing = append(missing, fmt.Errorf("handler: Config.%s is missing", field))
		}
	}
	for name, account := range c.Accounts {
		if account.Atlas == nil || account.Secret == nil {
			missing = append(missing, fmt.Errorf("handler: Config.Accounts[%q] is not complete", name))
		}
		if err := CheckAccountName(name); err != nil {
			missing = append(missing, fmt.Errorf("handler: Config.Accounts: %w", err))
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Margin = cmp.Or(c.Margin, defaultMargin)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return &Handler{config: c, accounts: newAccounts(c.Account, c.Accounts, c.Now)}, nil
}

// Invoke answers one invocation: payload is the event, and the result is the
// reply in the form that the event's caller expects. It implements
// lambda.Handler, so that aws-lambda-go hands over the bytes as they came.
//
// An error is a messages.InvokeResponse_Error whose Type is a Code; only callers
// that expect function errors get one.
func (h *Handler) Invoke(ctx context.Context, payload []byte) (out []byte, err error) {
	h.inFlight.Add(1)
	defer h.inFlight.Add(-1)
	r := &record{began: time.Now(), requestID: requestID(ctx), coldStart: !h.invoked.Swap(true)}
	r.policyCount = h.config.Policy.Count()
	if !h.config.PolicyModified.IsZero() {
		r.policyAge = h.config.Now().Sub(h.config.PolicyModified)
	}
	// Whoever sends what cannot be told is answered like a plain invocation.
	c, e := plain, &event{}
	defer func() {
		if recovered := recover(); recovered != nil {
			h.logPanic(ctx, recovered)
			r.outcome = string(Internal)
			out, err = c.fail(e, fault{code: Internal, detail: "Quote the request id to whoever runs the broker."}, r.requestID)
		}
		r.write(ctx, h.config.Logger, h.config.Function)
	}()
	e, known, unknown := parseEvent(payload, toolName(ctx))
	var reply atlas.Reply
	f := &fault{code: InvalidRequest, detail: unknown}
	if r.door = door(ctx); known != nil {
		c = known
		reply, f = h.serve(ctx, e, c, r)
	}
	if f != nil {
		r.outcome = string(f.code)
		return c.fail(e, *f, r.requestID)
	}
	out, err = c.succeed(e, reply)
	r.success(reply)
	return out, err
}

// Drain waits until no invocation is in flight, or until ctx ends, whose error
// it then returns.
func (h *Handler) Drain(ctx context.Context) error {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for h.inFlight.Load() > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// logPanic writes where it happened. The value of a panic may be any text, the
// secret among it, so only its type is written, and the stack has no values. The
// Go runtime's own errors name types, indexes and addresses, and no text of ours.
func (h *Handler) logPanic(ctx context.Context, recovered any) {
	attrs := []any{"event", "panic", "type", fmt.Sprintf("%T", recovered), "stack", string(debug.Stack())}
	if err, ok := recovered.(runtime.Error); ok {
		attrs = append(attrs, "error", err.Error())
	}
	h.config.Logger.ErrorContext(ctx, "a request panicked; the process goes on", attrs...)
}
