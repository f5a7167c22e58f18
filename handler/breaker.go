package handler

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"atriptoken/atlas"
)

// The breaker opens when, within breakerWindow, at least breakerCalls calls
// were made and half of them failed, and lets one call through to see after
// breakerDelay.
const (
	breakerWindow = time.Minute
	breakerCalls  = 5
	breakerRate   = 0.5
	breakerDelay  = 10 * time.Second
)

// breaker spares operators the wait for an Atlas that does not answer, and
// Atlas the calls. It is one account's, and one execution environment's.
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

// allow reports whether a call may be made, and otherwise in how long. Each
// call allowed has to be followed by one of record.
func (b *breaker) allow() (bool, time.Duration) {
	// The library tells how long it is open from the monotonic clock, which
	// stands still while Lambda freezes the process: after a freeze it would
	// stay open for minutes more. Its window goes by the wall clock.
	if b.IsOpen() && b.remaining() <= 0 {
		b.HalfOpen()
	}
	if b.TryAcquirePermit() {
		return true, 0
	}
	return false, max(b.remaining(), time.Second)
}

func (b *breaker) remaining() time.Duration {
	return breakerDelay - b.now().Sub(time.Unix(0, b.openedAt.Load()))
}

// record takes note of how a call went. What Atlas answered, however it
// answered, does not open the breaker: a refused credential, a bad request or
// a failed order is one caller's trouble, and costs nobody a wait.
func (b *breaker) record(err error) {
	var e *atlas.Error
	down := err != nil
	if errors.As(err, &e) && e.HTTPStatus != 0 { // there was a reply, or the head of one
		down = e.Kind == atlas.ErrTimeout || e.Kind == atlas.ErrSystem && e.HTTPStatus >= 500
	}
	if down {
		b.RecordFailure()
	} else {
		b.RecordSuccess()
	}
}
