package handler_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

func TestCall_EndsBeforeDeadline(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{
		"no headers": atlastest.Hang(), "no body": atlastest.HangBody(), "slow": atlastest.Delay(time.Minute, atlastest.OK()),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Always(step)
				if code, took := b.took(4 * time.Second); code != "AtlasTimeout" || b.attempts() != 1 || took != 3500*time.Millisecond {
					t.Errorf("%s after %d attempts and %v, want AtlasTimeout after 1 and 3.5 s", code, b.attempts(), took)
				}
			}, attemptTimeout(time.Minute))
		})
	}
}

// The default margin leaves half a second of a whole one.
func TestCall_LeastAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		if code := b.within(time.Second); code != "OK" || b.attempts() != 1 {
			t.Errorf("with half a second: %s after %d attempts, want OK after 1", code, b.attempts())
		}
		if code := b.within(time.Second - 1); code != "AtlasTimeout" || b.attempts() != 1 {
			t.Errorf("with less: %s after %d attempts, want AtlasTimeout after none", code, b.attempts()-1)
		}
	})
}

func TestCall_AttemptTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Script(atlastest.Hang())
		if code := b.within(10 * time.Second); code != "OK" || b.attempts() != 2 {
			t.Errorf("%s after %d attempts, want OK after 2", code, b.attempts())
		}
	}, attemptTimeout(2*time.Second))
}

func TestRetry_WaitsAsAtlasAsks(t *testing.T) {
	for name, row := range map[string]struct {
		asked        int // seconds
		within, took time.Duration
		code         string
		attempts     int
	}{
		"the wait and an attempt fit":     {2, 3 * time.Second, 2 * time.Second, "OK", 2},
		"they do not quite fit":           {2, 3*time.Second - 1, 0, "AtlasRateLimited", 1},
		"3 s at most":                     {3, 20 * time.Second, 3 * time.Second, "OK", 2},
		"longer waits are for the caller": {4, 20 * time.Second, 0, "AtlasRateLimited", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Script(atlastest.RateLimited(row.asked, 200))
				if code, took := b.took(row.within); code != row.code || took != row.took || b.attempts() != row.attempts {
					t.Errorf("%s after %v and %d attempts, want %s after %v and %d", code, took, b.attempts(), row.code, row.took, row.attempts)
				}
				// The wait has its own metric and is not the broker's own time.
				waited, _ := b.audit()["WaitMs"].(float64)
				if own := b.audit()["ownMs"]; own != 0.0 || waited != float64(row.took.Milliseconds()) {
					t.Errorf("WaitMs %v, ownMs %v; want %v and 0", waited, own, row.took)
				}
			})
		})
	}
}

func TestRetry_WaitEndsWithTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Script(atlastest.RateLimited(2, 200))
		ctx, cancel := context.WithTimeout(throughDoor(t.Context(), "service"), 10*time.Second)
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := b.Invoke(ctx, []byte(good))
		if code, _ := functionError(t, err); code != "AtlasRateLimited" || time.Since(began) != time.Second || b.attempts() != 1 {
			t.Errorf("%s after %v and %d attempts, want AtlasRateLimited after 1 s and 1", code, time.Since(began), b.attempts())
		}
	})
}

// The wait is random, so that callers that failed together return at different times.
func TestRetry_Backoff(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		waits := map[time.Duration]bool{}
		for range 4 {
			b.atlas.Script(atlastest.SystemError())
			code, took := b.took(10 * time.Second)
			if waits[took] = true; code != "OK" || took >= 300*time.Millisecond {
				t.Errorf("%s after %v, want OK within 300 ms", code, took)
			}
		}
		if len(waits) == 1 {
			t.Errorf("every call waited for %v", waits)
		}
	})
}

// lastInstant replies at the moment in which the invocation's time ends.
type lastInstant struct{ end context.CancelFunc }

func (l lastInstant) RoundTrip(r *http.Request) (*http.Response, error) {
	l.end()
	return new(upstream).RoundTrip(r)
}

func TestCall_ReplyAtDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(throughDoor(t.Context(), "service"), time.Minute)
	b := newBroker(t, through(t, lastInstant{cancel}))
	out, err := b.Invoke(ctx, []byte(good))
	if code, message := functionError(t, err); code != "OK" || !strings.Contains(string(out), "token=example") {
		t.Errorf("%s %s %s, want the token", code, message, out)
	}
}

// A secret with a new version at every fetch must not keep a call busy.
func TestCall_MaxCredentials(t *testing.T) {
	t.Parallel()
	fetched := 0
	b := newBroker(t, func(c *handler.Config) {
		c.Accounts["default"].Secret.Pause = 1 // a nanosecond: a fetch is always permitted
		c.Accounts["default"].Secret.Fetch = func(_ context.Context, stage string) (secret.Credentials, error) {
			if fetched++; fetched > 10 {
				return secret.Credentials{}, &secret.Error{Reason: secret.NotFound}
			}
			return secret.Credentials{ClientID: "refused", ClientSecret: redact.New("refused"), Version: fmt.Sprint(fetched), Stage: stage}, nil
		}
	})
	if code := b.within(10 * time.Second); code != "AtlasRefused" || b.attempts() != 4 {
		t.Errorf("%s after %d attempts, want AtlasRefused after 4", code, b.attempts())
	}
}
