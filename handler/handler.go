// Package handler answers the function's invocations. The files tell the story
// of a request: event.go knows the caller, http.go and request.go check what it
// sent, identity.go says who it is, handler.go decides, call.go asks Atlas,
// answer.go answers and record.go records.
package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/failsafe-go/failsafe-go"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// Config is what a Handler needs. Every field without a default is required.
type Config struct {
	// Account is the Atlas account that is called.
	Account Account
	// Policy decides who may open the portal.
	Policy *policy.Policy
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
	account        Account
	policy         *policy.Policy
	roles          []string
	claims         claimNames
	attemptTimeout time.Duration
	margin         time.Duration
	allowAnonymous bool
	now            func() time.Time
	function       string
	logger         *slog.Logger
	retry          failsafe.Executor[atlas.Reply]

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
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	h := &Handler{
		account: c.Account, policy: c.Policy, roles: c.Roles,
		claims:         claimNames{name: c.NameClaim, groups: c.GroupsClaim},
		attemptTimeout: c.AttemptTimeout, margin: c.Margin,
		allowAnonymous: c.AllowAnonymous, now: c.Now, function: c.Function, logger: c.Logger,
		retry: newRetry(),
	}
	if h.now == nil {
		h.now = time.Now
	}
	h.account.breaker = newBreaker(h.now)
	if h.margin == 0 {
		h.margin = defaultMargin
	}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	return h, nil
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
	// Whoever sends what cannot be told is answered like a plain invocation.
	c := plain
	defer func() {
		if recovered := recover(); recovered != nil {
			h.logPanic(ctx, recovered)
			r.outcome = string(Internal)
			out, err = c.fail(fault{code: Internal, detail: "Quote the request id to whoever runs the broker."}, r.requestID)
		}
		r.write(ctx, h.logger, h.function)
	}()
	e, known := parseEvent(payload)
	if known != nil {
		c = known
	}
	reply, f := h.serve(ctx, e, known, r)
	if f != nil {
		r.outcome = string(f.code)
		return c.fail(*f, r.requestID)
	}
	out, err = c.succeed(reply)
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

// serve takes the event from the door to Atlas's answer.
func (h *Handler) serve(ctx context.Context, e *event, c *caller, r *record) (atlas.Reply, *fault) {
	r.door = h.door(ctx)
	if c == nil {
		return atlas.Reply{}, &fault{code: InvalidRequest, detail: "The event has no known shape. Known are " + knownShapes + "."}
	}
	r.caller = c.name
	in := c.read(e, h.claims)
	r.gatewayID, r.principal, r.unidentified = in.gatewayID, in.principal.String(), in.unidentified
	if in.http != nil {
		r.dropped = in.http.dropped()
	}
	if r.door != c.door && r.door != doorUnqualified {
		r.unidentified = "this caller does not come through this door"
		return atlas.Reply{}, &fault{code: NotPermitted}
	}
	body := in.body
	if in.http != nil {
		if f := in.http.route(); f != nil {
			return atlas.Reply{}, f
		}
	}
	if in.principal.IsAnonymous() && !h.allowAnonymous {
		return atlas.Reply{}, &fault{code: NotPermitted, detail: "The request carries no identity that the broker knows."}
	}
	if in.http != nil {
		var f *fault
		if body, f = in.http.content(); f != nil {
			return atlas.Reply{}, f
		}
	} else if len(body) > maxBody {
		return atlas.Reply{}, &fault{code: BodyTooLarge, detail: "The request may have at most 16 KiB."}
	}
	request, faults := decode(body).validate(h.roles, in.principal.Name())
	if len(faults) > 0 {
		return atlas.Reply{}, &fault{code: InvalidRequest, detail: "The body has faults; errors names each.", fields: faults}
	}
	r.orderNo, r.userName, r.role = request.OrderNo, request.UserName, request.Role
	if f := h.decide(in, request, r); f != nil {
		return atlas.Reply{}, f
	}
	return h.call(ctx, request, r)
}

func (h *Handler) door(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return doorOf(lc.InvokedFunctionArn)
	}
	return doorUnqualified
}

// decide asks the policy about the very values that would be sent to Atlas.
func (h *Handler) decide(in inbound, request atlas.Request, r *record) *fault {
	decision := h.policy.Decide(policy.Question{
		Principal: in.principal,
		OrderNo:   request.OrderNo, UserName: request.UserName, Role: request.Role,
		Door: r.door, SourceIP: in.sourceIP, Now: h.now(),
	})
	r.policies, r.policyErrors = decision.Policies, decision.Errors
	if decision.Allowed {
		return nil
	}
	detail := "You may not open the portal with this user name and role."
	if in.principal.IsOperator() && request.UserName != in.principal.Name() {
		detail = "You may open the portal as yourself only; leave userName out, or send the name you are signed in with."
	}
	return &fault{code: NotPermitted, detail: detail}
}

// logPanic writes where it happened. The value of a panic may be any text, the
// secret among it, so only its type is written, and the stack has no values.
func (h *Handler) logPanic(ctx context.Context, recovered any) {
	attrs := []any{"event", "panic", "type", fmt.Sprintf("%T", recovered), "stack", string(debug.Stack())}
	var known interface{ RuntimeError() }
	if err, ok := recovered.(error); ok && errors.As(err, &known) {
		attrs = append(attrs, "error", err.Error())
	}
	h.logger.ErrorContext(ctx, "a request panicked; the process goes on", attrs...)
}
