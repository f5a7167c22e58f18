package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"atriptoken/atlas"
	"atriptoken/secret"
)

const (
	// maxCredentials bounds the versions of the secret in one try: the current
	// one, a freshly fetched one, the previous one, and the one current a moment later.
	maxCredentials = 4
	// maxBackoff is the longest wait before the second try. The wait is random
	// ("full jitter"), so that callers that failed together return at different times.
	maxBackoff = 300 * time.Millisecond
	// maxAskedWait is the longest wait that Atlas can ask for and that keeps this
	// environment waiting. A longer one goes to the caller as Retry-After.
	maxAskedWait = 3 * time.Second
	// leastAttempt is the least time in which an attempt can succeed: a new
	// connection and a reply from another continent.
	leastAttempt = 500 * time.Millisecond
	// margin is the part of an invocation's time that is reserved for answering.
	margin = 500 * time.Millisecond
)

// errNoAttempt reports that Atlas was not called.
type errNoAttempt struct {
	// retryAfter is the rest of the circuit breaker's delay; 0 if the reason is
	// that too little time is left.
	retryAfter time.Duration
}

// Error says why there was no attempt.
func (e errNoAttempt) Error() string {
	if e.retryAfter > 0 {
		return "the circuit breaker is open: Atlas did not answer the last calls"
	}
	return "too little time was left for an attempt"
}

// call asks Atlas for a token, with a second try if that makes sense and there
// is time, and records the effort.
func (h *Handler) call(ctx context.Context, account *Account, request atlas.Request, r *record) (atlas.Reply, *fault) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-margin))
	defer cancel()
	reply, err := h.try(ctx, account, request, r)
	if wait, ok := retryWait(ctx, err); ok && r.waited(ctx, wait) {
		// A second try that makes no attempt does not replace Atlas's answer.
		if again, againErr := h.try(ctx, account, request, r); !errors.As(againErr, new(errNoAttempt)) {
			reply, err = again, againErr
		}
	}
	if err != nil {
		return atlas.Reply{}, callFault(err, r)
	}
	return reply, nil
}

// try makes one try: with the current credentials and, if Atlas refuses them,
// with others.
func (h *Handler) try(ctx context.Context, account *Account, request atlas.Request, r *record) (atlas.Reply, error) {
	store := account.Secret
	began := time.Now()
	credentials, err := store.Get(ctx)
	r.secret += time.Since(began)
	if err != nil {
		return atlas.Reply{}, err
	}
	var refused []string
	var refusal error // the last one
	for {
		reply, err := h.attempt(ctx, account, credentials, request, r)
		if refusal != nil && errors.As(err, new(errNoAttempt)) {
			return atlas.Reply{}, refusal
		}
		if refusal = err; err == nil {
			store.Accepted(ctx, credentials)
			return reply, nil
		}
		if refused = append(refused, credentials.Version); !errors.Is(err, atlas.ErrRefused) || len(refused) == maxCredentials {
			return atlas.Reply{}, err
		}
		began := time.Now()
		other, ok := store.Alternative(ctx, refused...)
		r.secret += time.Since(began)
		if !ok {
			return atlas.Reply{}, err
		}
		credentials = other
	}
}

// attempt calls Atlas once, if the breaker and the time left allow it.
func (h *Handler) attempt(
	ctx context.Context, account *Account, credentials secret.Credentials, request atlas.Request, r *record,
) (reply atlas.Reply, err error) {
	if remaining(ctx) < leastAttempt {
		return atlas.Reply{}, errNoAttempt{}
	}
	allowed, wait := account.breaker.allow()
	if !allowed {
		return atlas.Reply{}, errNoAttempt{wait}
	}
	err = errors.New("the attempt panicked") // unless it is set below
	fullTime := remaining(ctx) >= h.config.AttemptTimeout
	ctx, cancel := context.WithTimeout(ctx, h.config.AttemptTimeout)
	defer cancel()
	defer func() { account.breaker.record(err, request.OrderNo, !fullTime && remaining(ctx) <= 0) }()
	began := time.Now()
	r.attempts++
	r.used = credentials
	reply, err = account.Atlas.GetToken(ctx, atlas.Credentials{
		ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret,
	}, request)
	r.atlas += time.Since(began)
	return reply, err
}

// callFault returns the answer to a failed call. It repeats nothing that Atlas
// or AWS sent.
func callFault(err error, r *record) *fault {
	var unavailable *secret.Error
	var none errNoAttempt
	var e *atlas.Error
	switch {
	case errors.As(err, &unavailable):
		r.text("cause", unavailable.Error())
		return &fault{code: SecretUnavailable, retryAfter: max(unavailable.RetryAfter, time.Second),
			detail: "The broker could not read its Atlas secret. Its log says why."}
	case errors.As(err, &none):
		r.text("cause", none.Error())
		if none.retryAfter == 0 {
			return &fault{code: AtlasTimeout, detail: "Try again in a moment."}
		}
		r.add("BreakerOpen", "Count", 1)
		return &fault{code: AtlasUnavailable, retryAfter: none.retryAfter, detail: "Atlas did not answer the last calls. Try again in a moment."}
	case !errors.As(err, &e):
		r.text("cause", fmt.Sprintf("an error of type %T", err)) // a foreign error's text may quote the other side
		return internalFault
	}
	r.text("cause", e.Error())
	if e.Status != nil {
		r.attrs = append(r.attrs, slog.Int("atlasStatus", *e.Status))
	}
	if e.HTTPStatus != 0 {
		r.attrs = append(r.attrs, slog.Int("atlasHttpStatus", e.HTTPStatus))
	}
	switch e.Kind {
	case atlas.ErrRateLimited:
		return &fault{code: AtlasRateLimited, retryAfter: max(e.RetryAfter, time.Second), detail: "Wait before you try again."}
	case atlas.ErrRefused:
		return &fault{code: AtlasRefused,
			detail: "If other calls succeed, Atlas refuses this order. Otherwise the broker's operator has to check its Atlas credentials."}
	case atlas.ErrUnreachable:
		return &fault{code: AtlasUnavailable, retryAfter: 5 * time.Second, detail: "Try again in a moment."}
	case atlas.ErrTimeout:
		return &fault{code: AtlasTimeout, detail: "Try again in a moment."}
	default:
		return &fault{code: AtlasFailed, detail: "Atlas reported a failure, or its reply could not be used."}
	}
}

// retryWait returns how long to wait before a second try. ok is false if a
// second try is pointless, or if it does not fit into the time left.
func retryWait(ctx context.Context, err error) (wait time.Duration, ok bool) {
	var e *atlas.Error
	if !errors.As(err, &e) || !e.Retryable {
		return 0, false
	}
	if wait = e.RetryAfter; wait > maxAskedWait {
		return 0, false
	}
	if wait == 0 {
		wait = rand.N(maxBackoff) //nolint:gosec // it spreads retries and guards nothing
	}
	return wait, remaining(ctx) >= wait+leastAttempt
}

// waited waits, and reports whether ctx lasted that long.
func (r *record) waited(ctx context.Context, wait time.Duration) bool {
	began := time.Now()
	defer func() { r.pause = time.Since(began) }()
	select {
	case <-time.After(wait):
		return true
	case <-ctx.Done():
		return false
	}
}

// remaining returns the time until ctx's deadline, which every call has.
func remaining(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return time.Until(deadline)
}
