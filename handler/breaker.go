package handler

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"atriptoken/atlas"
)

// The breaker opens when half of at least breakerCalls calls within
// breakerWindow failed. After breakerDelay it lets one call through.
const (
	breakerWindow = time.Minute
	breakerCalls  = 5
	breakerRate   = 0.5
	breakerDelay  = 10 * time.Second
)

// breaker fails calls fast while Atlas is down. There is one per account and
// execution environment.
type breaker struct {
	circuitbreaker.CircuitBreaker[atlas.Reply]
	now func() time.Time
	// openedAt is when it opened, by the wall clock in Unix nanoseconds.
	openedAt atomic.Int64
}

func newBreaker(now func() time.Time) *breaker {
	b := &breaker{now: now}
	b.CircuitBreaker = circuitbreaker.NewBuilder[atlas.Reply]().
		WithFailureRateThreshold(breakerRate, breakerCalls, breakerWindow).
		WithSuccessThreshold(1).
		WithDelay(breakerDelay).
		OnOpen(func(circuitbreaker.StateChangedEvent) { b.openedAt.Store(b.now().UnixNano()) }).
		Build()
	return b
}

// allow reports whether a call may be made, and otherwise how long to wait. Each
// allowed call must be followed by record.
func (b *breaker) allow() (bool, time.Duration) {
	// The library measures the delay by the monotonic clock, which stops while
	// Lambda freezes the process: the breaker would stay open for minutes after
	// a freeze. The failure window already uses the wall clock.
	if b.IsOpen() && b.remaining() <= 0 {
		b.HalfOpen()
	}
	if b.TryAcquirePermit() {
		return true, 0
	}
	return false, max(b.remaining(), time.Second)
}

// remaining returns the rest of the delay. There is none after the clock was set back.
func (b *breaker) remaining() time.Duration {
	passed := b.now().Sub(time.Unix(0, b.openedAt.Load()))
	if passed < 0 {
		return 0
	}
	return breakerDelay - passed
}

// record counts a call's outcome. A reply never opens the breaker, unless it is
// HTTP 5xx or stops midway: a refused credential or a bad request affects one
// caller and returns at once.
func (b *breaker) record(err error) {
	var e *atlas.Error
	down := err != nil
	if errors.As(err, &e) && e.HTTPStatus != 0 { // there was at least the head of a reply
		down = e.Kind == atlas.ErrTimeout || e.Kind == atlas.ErrSystem && e.HTTPStatus >= 500
	}
	if down {
		b.RecordFailure()
	} else {
		b.RecordSuccess()
	}
}
