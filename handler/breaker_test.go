package handler_test

import (
	"sync/atomic"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
)

// clock is a wall clock that a test moves.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

func withClock(c *clock) func(*handler.Config) {
	return func(config *handler.Config) { config.Now = c.now }
}

func TestBreaker_OpensAndCloses(t *testing.T) {
	wall := newClock()
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.HTTPStatus(503))
		for b.attempts() < 5 {
			if code := b.within(10 * time.Second); code != "AtlasFailed" && code != "AtlasUnavailable" {
				t.Fatalf("the answer is %s", code)
			}
		}
		before := b.attempts()
		r := b.http(sample(t, "http-api-jwt"))
		if r.code(t) != "AtlasUnavailable" || r.Headers["Retry-After"] != "10" || b.attempts() != before {
			t.Errorf("%s with Retry-After %q and %d attempts; want AtlasUnavailable with 10 and none",
				r.code(t), r.Headers["Retry-After"], b.attempts()-before)
		}
		if b.audit()["BreakerOpen"] != 1.0 {
			t.Error("the audit line does not count the open breaker")
		}
		// Half open: one call goes through, and fails.
		wall.advance(10 * time.Second)
		if b.within(10 * time.Second); b.attempts() != before+1 {
			t.Errorf("%d attempts after the breaker's delay, want 1", b.attempts()-before)
		}
		if b.within(10 * time.Second); b.attempts() != before+1 {
			t.Error("the breaker did not open again")
		}
		// Only the wall clock advances, as in a freeze. The next call succeeds.
		b.atlas.Clear()
		wall.advance(10 * time.Second)
		for range 10 {
			if code := b.within(10 * time.Second); code != "OK" {
				t.Fatalf("%s after Atlas is back, want OK", code)
			}
		}
	}, withClock(wall))
}

func TestBreaker_ClockSetBack(t *testing.T) {
	wall := newClock()
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.HTTPStatus(503))
		for range 3 {
			b.within(10 * time.Second)
		}
		b.atlas.Clear()
		wall.advance(-time.Hour)
		if code := b.within(10 * time.Second); code != "OK" {
			t.Errorf("%s with the clock an hour back, want OK", code)
		}
	}, withClock(wall))
}

func TestBreaker_RepliesDoNotOpenIt(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{
		"refused": atlastest.Unauthorized(), "HTTP 403": atlastest.HTTPStatus(403), "bad request": atlastest.Status(901),
		"HTTP 400": atlastest.HTTPStatus(400), "HTTP 404": atlastest.HTTPStatus(404), "not JSON": atlastest.Garbage(),
		"oversized": atlastest.Oversized(1 << 20), "cut in the body": atlastest.CutInBody(), "limited": atlastest.RateLimited(60, 200),
		"limited by HTTP 503": atlastest.RateLimited(60, 503), "status 2": atlastest.SystemError(),
		"bad url": atlastest.BadURL("https://example.com/"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Always(step)
				for range 8 {
					if code := b.within(10 * time.Second); code == "AtlasUnavailable" {
						t.Error("the breaker opened")
					}
				}
				b.atlas.Clear()
				if code := b.within(10 * time.Second); code != "OK" {
					t.Errorf("%s afterwards, want OK", code)
				}
			}, withSecret(&versions{current: clientSecret}))
		})
	}
}

func TestBreaker_FailuresOpenIt(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*broker){
		"no reply":             func(b *broker) { b.atlas.Always(atlastest.Hang()) },
		"half a reply":         func(b *broker) { b.atlas.Always(atlastest.HangBody()) },
		"no connection":        func(b *broker) { b.atlas.Close() },
		"cut before the reply": func(b *broker) { b.atlas.Always(atlastest.CutConnection()) },
		"HTTP 500":             func(b *broker) { b.atlas.Always(atlastest.HTTPStatus(500)) },
		"HTTP 503":             func(b *broker) { b.atlas.Always(atlastest.HTTPStatus(503)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, attemptTimeout(100*time.Millisecond))
			fail(b)
			for range 3 { // of two attempts each, or of five in all
				b.within(10 * time.Second)
			}
			if b.within(10 * time.Second); b.audit()["BreakerOpen"] != 1.0 {
				t.Errorf("the breaker is not open after three calls: %v", b.audit()["cause"])
			}
		})
	}
}
