package handler_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

// within invokes the handler, plain and through the alias service, with so much
// time, and fails the test when there is no answer while there is time left.
func (b *broker) within(d time.Duration) (code string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{
		AwsRequestID: "c0ffee00-0000-4000-8000-000000000002", InvokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:atriptoken:service",
	}), d)
	defer cancel()
	_, err := b.Invoke(ctx, []byte(good))
	if ctx.Err() != nil {
		b.t.Fatal("the answer came after the deadline")
	}
	code, _ = functionError(b.t, err)
	return code
}

func (b *broker) attempts() int { return len(b.atlas.Requests()) }

func attemptTimeout(d time.Duration) func(*handler.Config) {
	return func(c *handler.Config) { c.AttemptTimeout = d }
}

func margin(d time.Duration) func(*handler.Config) {
	return func(c *handler.Config) { c.Margin = d }
}

func TestACallEndsBeforeItsDeadlineWhateverAtlasDoes(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{
		"no headers": atlastest.Hang(), "no body": atlastest.HangBody(), "slow": atlastest.Delay(time.Minute, atlastest.OK()),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Always(step)
				if code := b.within(4 * time.Second); code != "AtlasTimeout" || b.attempts() != 1 {
					t.Errorf("%s after %d attempts, want AtlasTimeout after 1", code, b.attempts())
				}
			}, attemptTimeout(time.Minute))
		})
	}
}

func TestAnAttemptHasATimeOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Script(atlastest.Hang())
		if code := b.within(10 * time.Second); code != "OK" || b.attempts() != 2 {
			t.Errorf("%s after %d attempts, want OK after 2", code, b.attempts())
		}
	}, attemptTimeout(2*time.Second))
}

func TestWhatMayPassIsTriedOnceMoreAndWhatMayNotIsNot(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		step     atlastest.Step
		attempts int
	}{
		"status 2": {atlastest.SystemError(), 2}, "status 9999": {atlastest.Status(9999), 2}, "status -1": {atlastest.Status(-1), 2},
		"HTTP 500": {atlastest.HTTPStatus(500), 2}, "garbage": {atlastest.Garbage(), 2},
		"status 100": {atlastest.Status(100), 1}, "HTTP 404": {atlastest.HTTPStatus(404), 1}, "a redirect": {atlastest.Redirect("https://example.com"), 1},
		"a bad url": {atlastest.BadURL("https://example.com"), 1}, "too large a reply": {atlastest.Oversized(1 << 20), 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Always(row.step)
				if code := b.within(10 * time.Second); code != "AtlasFailed" || b.attempts() != row.attempts {
					t.Errorf("%s after %d attempts, want AtlasFailed after %d", code, b.attempts(), row.attempts)
				}
			})
		})
	}
}

func TestTheLimitersWaitIsToldWhenItDoesNotFit(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.atlas.Script(atlastest.RateLimited(30, 200))
	r := b.http(sample(t, "http-api-jwt"))
	if r.code(t) != "AtlasRateLimited" || r.Headers["Retry-After"] != "30" || b.attempts() != 1 {
		t.Errorf("%s with Retry-After %q after %d attempts, want AtlasRateLimited with 30 after 1", r.code(t), r.Headers["Retry-After"], b.attempts())
	}
}

// The circuit breaker.

// clock is a wall clock that a test moves.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) pass(d time.Duration) { c.nanoseconds.Add(int64(d)) }

func withClock(c *clock) func(*handler.Config) {
	return func(config *handler.Config) { config.Now = c.now }
}

func TestTheBreakerOpensWhenAtlasIsDownAndClosesWhenItIsBack(t *testing.T) {
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
			t.Errorf("%s with Retry-After %q and %d attempts; want AtlasUnavailable with 10 and none", r.code(t), r.Headers["Retry-After"], b.attempts()-before)
		}
		if b.audit()["BreakerOpen"] != 1.0 {
			t.Error("the audit line does not count the open breaker")
		}
		// Half open: one call goes through, and fails.
		wall.pass(10 * time.Second)
		if b.within(10 * time.Second); b.attempts() != before+1 {
			t.Errorf("%d attempts after the breaker's time, want 1", b.attempts()-before)
		}
		if b.within(10 * time.Second); b.attempts() != before+1 {
			t.Error("the breaker did not open again")
		}
		// The next one succeeds, by the wall clock alone: a freeze counts too.
		b.atlas.Clear()
		wall.pass(10 * time.Second)
		for range 10 {
			if code := b.within(10 * time.Second); code != "OK" {
				t.Fatalf("%s after Atlas is back, want OK", code)
			}
		}
	}, withClock(wall))
}

func TestWhatAtlasAnswersNeverOpensTheBreaker(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{
		"refused": atlastest.Unauthorized(), "HTTP 403": atlastest.HTTPStatus(403), "bad request": atlastest.Status(901), "HTTP 400": atlastest.HTTPStatus(400),
		"HTTP 404": atlastest.HTTPStatus(404), "no JSON": atlastest.Garbage(), "too large": atlastest.Oversized(1 << 20), "cut in the body": atlastest.CutInBody(),
		"rate limited": atlastest.RateLimited(60, 200), "rate limited, HTTP 503": atlastest.RateLimited(60, 503), "status 2": atlastest.SystemError(), "a bad url": atlastest.BadURL("https://example.com/"),
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

func TestFindingNoAtlasOpensTheBreaker(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]func(*broker){
		"no answer":            func(b *broker) { b.atlas.Always(atlastest.Hang()) },
		"half an answer":       func(b *broker) { b.atlas.Always(atlastest.HangBody()) },
		"no connection":        func(b *broker) { b.atlas.Close() },
		"cut before the reply": func(b *broker) { b.atlas.Always(atlastest.CutConnection()) },
		"HTTP 500":             func(b *broker) { b.atlas.Always(atlastest.HTTPStatus(500)) },
		"HTTP 503":             func(b *broker) { b.atlas.Always(atlastest.HTTPStatus(503)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, attemptTimeout(100*time.Millisecond))
			down(b)
			for range 3 { // of two attempts each, or of five in all
				b.within(10 * time.Second)
			}
			if b.within(10 * time.Second); b.audit()["BreakerOpen"] != 1.0 {
				t.Errorf("the breaker is not open after three calls: %v", b.audit()["cause"])
			}
		})
	}
}

// Refusals.

// versions is a secret with stages, as Secrets Manager holds it.
type versions struct {
	mu                sync.Mutex
	current, previous string
	err               error
}

func (v *versions) fetch(_ context.Context, stage string) (secret.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	version := map[string]string{secret.StageCurrent: v.current, secret.StagePrevious: v.previous}[stage]
	if v.err != nil || version == "" {
		return secret.Credentials{}, errors.Join(v.err, &secret.Error{Reason: secret.NotFound})
	}
	return secret.Credentials{ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(version), Version: "id-of-" + version, Stage: stage}, nil
}

func (v *versions) put(value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.previous, v.current = v.current, value
}

func withSecret(v *versions) func(*handler.Config) {
	return func(c *handler.Config) {
		c.Account.Secret = &secret.Store{Fetch: v.fetch, Pause: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	}
}

func accept(values ...string) []atlastest.Credential {
	var all []atlastest.Credential
	for _, v := range values {
		all = append(all, atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: v})
	}
	return all
}

func TestARefusedSecretIsFetchedAgainAndTheCallRepeated(t *testing.T) {
	t.Parallel()
	v := &versions{current: "one"}
	b := newBroker(t, withSecret(v))
	b.atlas.SetCredentials(accept("one")...)
	if code := b.within(10 * time.Second); code != "OK" {
		t.Fatal(code)
	}
	v.put("two")
	b.atlas.SetCredentials(accept("two")...)
	if code := b.within(10 * time.Second); code != "OK" || b.attempts() != 3 {
		t.Errorf("%s after %d attempts, want OK after 2", code, b.attempts()-1)
	}
	if version := b.audit()["secretVersion"]; version != "id-of-two" {
		t.Errorf("the audit line names version %v", version)
	}
}

func TestAWrongNewSecretCostsAFallbackNotAFailure(t *testing.T) {
	t.Parallel()
	v := &versions{current: "wrong", previous: "one"}
	b := newBroker(t, withSecret(v))
	b.atlas.SetCredentials(accept("one")...)
	for range 3 {
		if code := b.within(10 * time.Second); code != "OK" {
			t.Fatalf("%s, want OK by AWSPREVIOUS", code)
		}
		if audit := b.audit(); audit["secretStage"] != "AWSPREVIOUS" || audit["SecretFallback"] != 1.0 {
			t.Errorf("the audit line does not tell of the fallback: %v", audit)
		}
	}
	if n := b.attempts(); n != 4 {
		t.Errorf("3 calls took %d attempts, want 4: the wrong one is tried once", n)
	}
}

func TestWhenAtlasRefusesAllThereIsTheCallFails(t *testing.T) {
	t.Parallel()
	v := &versions{current: "two", previous: "one"}
	b := newBroker(t, withSecret(v))
	b.atlas.SetCredentials(accept("three")...)
	if code := b.within(10 * time.Second); code != "AtlasRefused" || b.attempts() != 3 {
		t.Errorf("%s after %d attempts, want AtlasRefused after 3: two, one, and two a moment later", code, b.attempts())
	}
}

func TestCallsAtOnceAreSafe(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if code := b.within(15 * time.Second); code != "OK" {
				t.Errorf("%s, want OK", code)
			}
		})
	}
	all.Wait()
	if n := len(b.log.lines(t, "request")); n != 64 {
		t.Errorf("64 calls wrote %d audit lines", n)
	}
}

func TestDrainWaitsForWhatIsInFlight(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	release := make(chan struct{})
	b.atlas.Script(atlastest.Hold(release, atlastest.OK()))
	answered := make(chan string, 1)
	go func() { answered <- b.within(15 * time.Second) }()
	for b.attempts() == 0 {
		time.Sleep(time.Millisecond) // until the call is under way
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Drain(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain returned %v with a call in flight", err)
	}
	close(release)
	if err := b.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if code := <-answered; code != "OK" {
		t.Errorf("the call in flight got %s", code)
	}
}
