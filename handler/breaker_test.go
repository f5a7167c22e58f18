package handler_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
)

func withClock(now *time.Time) func(*handler.Config) {
	return func(c *handler.Config) { c.Now = func() time.Time { return *now } }
}

// order calls for the given order, with ten seconds of time.
func (b *broker) order(number int) (code string) {
	b.t.Helper()
	return b.orderWithin(number, 10*time.Second)
}

func (b *broker) isOpen() bool {
	b.t.Helper()
	return b.audit()["BreakerOpen"] == 1.0
}

func TestBreaker_OpensAndCloses(t *testing.T) {
	wall := time.Now()
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.HTTPStatus(503))
		for i := range 5 {
			if code := b.order(i); code != "AtlasFailed" {
				t.Fatalf("the answer is %s", code)
			}
		}
		before := b.attempts()
		r := b.http(sample("http-api-jwt"))
		if r.code(t) != "AtlasUnavailable" || r.Headers["Retry-After"] != "10" || b.attempts() != before || !b.isOpen() {
			t.Errorf("%s with Retry-After %q and %d attempts; want AtlasUnavailable with 10 and none, and the metric",
				r.code(t), r.Headers["Retry-After"], b.attempts()-before)
		}
		if cause, _ := b.audit()["cause"].(string); !strings.Contains(cause, "circuit breaker is open") {
			t.Errorf("the audit line's cause is %q", cause)
		}
		// Half open: one call goes through, and fails.
		wall = wall.Add(10 * time.Second)
		if b.order(6); b.attempts() != before+1 {
			t.Errorf("%d attempts after the breaker's delay, want 1", b.attempts()-before)
		}
		if b.order(7); b.attempts() != before+1 {
			t.Error("the breaker did not open again")
		}
		// Only the wall clock advances, as in a freeze. A reply of any kind closes it.
		b.atlas.Clear()
		b.atlas.Script(atlastest.Status(901))
		wall = wall.Add(10 * time.Second)
		if code := b.order(8); code != "AtlasFailed" {
			t.Errorf("%s after the delay, want AtlasFailed", code)
		}
		for i := range 10 {
			if code := b.order(i); code != "OK" {
				t.Fatalf("%s after Atlas is back, want OK", code)
			}
		}
	}, withClock(&wall))
}

func TestBreaker_ClockSetBack(t *testing.T) {
	wall := time.Now()
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.HTTPStatus(503))
		for i := range 5 {
			b.order(i)
		}
		b.atlas.Clear()
		wall = wall.Add(-time.Hour)
		if code := b.order(6); code != "OK" {
			t.Errorf("%s with the clock an hour back, want OK", code)
		}
		b.atlas.Always(atlastest.HTTPStatus(503))
		for i := range 6 {
			b.order(i)
		}
		if !b.isOpen() {
			t.Error("orders that failed before the clock was set back do not count again")
		}
	}, withClock(&wall))
}

// Which outcomes open the breaker, and at which of eight calls it is first open.
func TestBreaker_Outcomes(t *testing.T) {
	t.Parallel()
	other := func(b *broker, i int) { b.order(i) }
	same := func(b *broker, _ int) { b.order(0) }
	short := func(b *broker, i int) { b.orderWithin(i, 2*time.Second) } // less than an attempt's timeout
	const never = -1
	for name, row := range map[string]struct {
		step atlastest.Step // nil: no connection
		call func(b *broker, i int)
		open int
	}{
		"no reply":             {atlastest.Hang(), other, 5},
		"half a reply":         {atlastest.HangBody(), other, 5},
		"cut before the reply": {atlastest.CutConnection(), other, 5},
		"HTTP 500":             {atlastest.HTTPStatus(500), other, 5},
		"HTTP 503":             {atlastest.HTTPStatus(503), other, 5},
		"no connection":        {nil, same, 3}, // two attempts each, whatever the order

		"refused":                     {atlastest.Unauthorized(), other, never},
		"bad request":                 {atlastest.Status(901), other, never},
		"HTTP 499":                    {atlastest.HTTPStatus(499), other, never},
		"not JSON":                    {atlastest.Garbage(), other, never},
		"limited":                     {atlastest.RateLimited(60, 200), other, never},
		"limited by HTTP 503":         {atlastest.RateLimited(60, 503), other, never},
		"status 2":                    {atlastest.SystemError(), other, never},
		"HTTP 500 for one order":      {atlastest.HTTPStatus(500), same, never},
		"no reply for one order":      {atlastest.Hang(), same, never},
		"half a reply for one order":  {atlastest.HangBody(), same, never},
		"cut for one order":           {atlastest.CutConnection(), same, never},
		"callers with too short time": {atlastest.Hang(), short, never},
		"and half a reply":            {atlastest.HangBody(), short, never},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				if b.atlas.Always(row.step); row.step == nil {
					b.atlas.Close()
				}
				open := never
				for i := 0; i < 8 && open == never; i++ {
					if row.call(b, i); b.isOpen() {
						open = i
					}
				}
				if open != row.open {
					t.Errorf("it is open at call %d, want %d: %v", open, row.open, b.audit()["cause"])
				}
			}, attemptTimeout(2*time.Second), withSecret(&versions{current: clientSecret}))
		})
	}
}

// A dial that times out counts, even for a caller with a short deadline: there was
// time for a connection.
func TestBreaker_DialTimeoutCounts(t *testing.T) {
	_, timeout := (&net.Dialer{Timeout: 1}).Dial("tcp", "192.0.2.1:1")
	if !errors.Is(timeout, context.DeadlineExceeded) {
		t.Fatalf("a dial's timeout is %v", timeout)
	}
	inBubble(t, func(t *testing.T, b *broker) {
		for i := range 6 {
			b.orderWithin(i, 5*time.Second)
		}
		if !b.isOpen() {
			t.Error("it is not open after six calls without a connection")
		}
		time.Sleep(time.Minute) // until the last dial has ended
	}, func(c *handler.Config) {
		c.Accounts["default"].Atlas.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			return nil, timeout
		}}
	})
}

// An order counts again after the window.
func TestBreaker_OrderCountsOncePerWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.HTTPStatus(500))
		for range 5 {
			b.order(0)
			time.Sleep(time.Minute)
		}
		for i := range 4 {
			b.order(i)
		}
		if b.isOpen() {
			t.Error("it opened after four orders in a minute")
		}
		b.order(4)
		if b.order(5); !b.isOpen() {
			t.Error("it is not open after five orders in a minute")
		}
	})
}

// A call without an outcome in the half-open state leaves the next call to decide.
func TestBreaker_HalfOpenWithoutOutcome(t *testing.T) {
	wall := time.Now()
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.HTTPStatus(503))
		for i := range 6 {
			b.order(i)
		}
		wall = wall.Add(10 * time.Second)
		b.order(0) // counted already: it must not keep the breaker open for the others
		b.atlas.Always(atlastest.Hang())
		b.orderWithin(7, 3*time.Second) // too short a time
		b.atlas.Clear()
		if code := b.order(8); code != "OK" {
			t.Errorf("%s, want OK", code)
		}
	}, withClock(&wall))
}
