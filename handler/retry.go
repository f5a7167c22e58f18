package handler

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"atriptoken/atlas"
)

const (
	// maxBackoff is the longest wait before the second try. The wait is random
	// ("full jitter"), so that callers that failed together return at different times.
	maxBackoff = 300 * time.Millisecond
	// maxAskedWait is the longest wait that Atlas can ask for and that keeps this
	// environment waiting. A longer one goes to the caller as Retry-After.
	maxAskedWait = 3 * time.Second
	// leastAttempt is the least time in which an attempt can succeed: a new
	// connection and a reply from another continent.
	leastAttempt = 500 * time.Millisecond
)

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
