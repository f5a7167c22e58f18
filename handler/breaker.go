package handler

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"atriptoken/atlas"
)

// The breaker opens when half of at least breakerCalls attempts within
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

	mu     sync.Mutex
	failed map[string]time.Time // orders with a counted failure, by the time of the failure
}

func newBreaker(now func() time.Time) *breaker {
	b := &breaker{now: now, failed: map[string]time.Time{}}
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

// remaining returns the rest of the delay, 0 after the clock was set back.
func (b *breaker) remaining() time.Duration {
	passed := b.now().Sub(time.Unix(0, b.openedAt.Load()))
	if passed < 0 {
		return 0
	}
	return breakerDelay - passed
}

// record counts the outcome of an attempt: a failure if it shows that Atlas is
// down, a success if Atlas replied. A request that Atlas rejects is a success:
// it affects one caller and returns at once. Some outcomes show neither.
//
// cut means that the caller's deadline ended the attempt before its full time.
func (b *breaker) record(err error, order string, cut bool) {
	var e *atlas.Error
	switch {
	case err == nil:
		b.RecordSuccess()
	case cut, !errors.As(err, &e): // or a panic
		b.skip()
	case e.Kind == atlas.ErrUnreachable:
		b.RecordFailure()
	case e.Kind == atlas.ErrTimeout, e.Kind == atlas.ErrSystem && e.HTTPStatus >= 500, e.HTTPStatus == 0:
		if b.counted(order) {
			b.skip() // one order must not open the breaker for the others
		} else {
			b.RecordFailure()
		}
	default:
		b.RecordSuccess()
	}
}

// counted reports whether a failure of this order was counted in the window, and
// counts this one otherwise.
func (b *breaker) counted(order string) bool {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.failed, func(_ string, at time.Time) bool {
		age := now.Sub(at)
		return age < 0 || age >= breakerWindow
	})
	_, counted := b.failed[order]
	if !counted {
		b.failed[order] = now
	}
	return counted
}

// skip ends an attempt without an outcome. If it was the one attempt of the
// half-open state, the next call makes another.
func (b *breaker) skip() {
	if b.IsHalfOpen() {
		b.Open()
		b.openedAt.Store(0)
	}
}
