package handler

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"atriptoken/atlas"
)

const (
	// maxBackoff is the longest pause before the second try; the pause is
	// anywhere between none and that ("full jitter"), so that callers that
	// failed together do not come back together.
	maxBackoff = 300 * time.Millisecond
	// leastAttempt is the least time that an attempt is worth starting with: a
	// new connection and an answer from the other side of the world.
	leastAttempt = 500 * time.Millisecond
)

// retryable is a failure that is worth the second try, after a wait.
type retryable struct {
	error
	wait time.Duration
}

// Unwrap returns the failure.
func (r retryable) Unwrap() error { return r.error }

// newRetry returns the policy for one call: a second try, once, after failures
// that are marked as retryable.
func newRetry() failsafe.Executor[atlas.Reply] {
	return failsafe.With(retrypolicy.NewBuilder[atlas.Reply]().
		HandleIf(func(_ atlas.Reply, err error) bool {
			var r retryable
			return errors.As(err, &r)
		}).
		WithMaxRetries(1).
		WithDelayFunc(func(exec failsafe.ExecutionAttempt[atlas.Reply]) time.Duration {
			var r retryable
			errors.As(exec.LastError(), &r)
			return r.wait
		}).
		ReturnLastFailure().
		Build())
}

// again marks the error as retryable when a second try makes sense and fits
// into what is left of ctx's time, Atlas's own wait included.
func again(ctx context.Context, err error) error {
	var e *atlas.Error
	if !errors.As(err, &e) || !e.Retryable {
		return err
	}
	wait := e.RetryAfter
	if wait == 0 {
		wait = rand.N(maxBackoff)
	}
	if remaining(ctx) < wait+leastAttempt {
		return err
	}
	return retryable{err, wait}
}

// remaining returns the time until ctx's deadline, which every call has.
func remaining(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return time.Until(deadline)
}
