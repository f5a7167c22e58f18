package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

func TestHalfASecondOfTheInvocationIsKeptForAnsweringOrWhatIsConfigured(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ margin, want time.Duration }{
		"nothing configured": {0, 9500 * time.Millisecond},
		"two seconds":        {2 * time.Second, 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Always(atlastest.Hang())
				if code, took := b.took(10 * time.Second); code != "AtlasTimeout" || took != row.want {
					t.Errorf("%s after %v, want AtlasTimeout after %v", code, took, row.want)
				}
			}, margin(row.margin), attemptTimeout(time.Minute))
		})
	}
}

func TestACallWithoutADeadlineEndsAfter25Seconds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.Hang())
		began := time.Now()
		_, err := b.Invoke(context.Background(), []byte(good))
		if code, _ := functionError(t, err); code != "AtlasTimeout" || time.Since(began) != 25*time.Second {
			t.Errorf("%s after %v, want AtlasTimeout after 25 s", code, time.Since(began))
		}
	}, attemptTimeout(time.Minute))
}

// With the default margin, half a second is left of a whole one.
func TestAnAttemptIsStartedWithHalfASecondLeftAndNotWithLess(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		if code := b.within(time.Second); code != "OK" || b.attempts() != 1 {
			t.Errorf("with half a second: %s after %d attempts, want OK after 1", code, b.attempts())
		}
		if code := b.within(time.Second - 1); code != "AtlasTimeout" || b.attempts() != 1 {
			t.Errorf("with less: %s after %d attempts, want AtlasTimeout after none", code, b.attempts()-1)
		}
	})
}

func TestTheSecondTryWaitsAsLongAsAtlasAsksIfThatFits(t *testing.T) {
	for name, row := range map[string]struct {
		within, took time.Duration
		code         string
		attempts     int
	}{
		"two seconds and an attempt fit":  {3 * time.Second, 2 * time.Second, "OK", 2},
		"they do not by the least amount": {3*time.Second - 1, 0, "AtlasRateLimited", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Script(atlastest.RateLimited(2, 200))
				if code, took := b.took(row.within); code != row.code || took != row.took || b.attempts() != row.attempts {
					t.Errorf("%s after %v and %d attempts, want %s after %v and %d", code, took, b.attempts(), row.code, row.took, row.attempts)
				}
			})
		})
	}
}

func TestRetry_WaitEndsWithTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Script(atlastest.RateLimited(2, 200))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := b.Invoke(ctx, []byte(good))
		if code, _ := functionError(t, err); code != "AtlasRateLimited" || time.Since(began) != time.Second || b.attempts() != 1 {
			t.Errorf("%s after %v and %d attempts, want AtlasRateLimited after 1 s and 1", code, time.Since(began), b.attempts())
		}
	})
}

// Callers that failed together do not come back together.
func TestTheSecondTryWaitsAnyTimeUpToTheBackoffIfAtlasAsksForNone(t *testing.T) {
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

// lastInstant answers in the very moment in which the invocation's time ends.
type lastInstant struct{ end context.CancelFunc }

func (l lastInstant) RoundTrip(r *http.Request) (*http.Response, error) {
	l.end()
	return inMemory{}.RoundTrip(r)
}

func TestATokenThatComesAsTheTimeEndsIsATokenStill(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	b := newBroker(t, withoutNetwork(t), func(c *handler.Config) {
		c.Account.Atlas.Transport = new(http.Transport)
		c.Account.Atlas.Transport.RegisterProtocol("http", lastInstant{cancel})
	})
	out, err := b.Invoke(ctx, []byte(good))
	if code, message := functionError(t, err); code != "OK" || !strings.Contains(string(out), "token=example") {
		t.Errorf("%s %s %s, want the token", code, message, out)
	}
}

// A secret that has another version at every look must not keep a call busy.
func TestACallTriesFourVersionsOfTheSecretAtMost(t *testing.T) {
	t.Parallel()
	fetched := 0
	b := newBroker(t, func(c *handler.Config) {
		c.Account.Secret.Pause = 1 // a nanosecond: a fetch is always permitted
		c.Account.Secret.Fetch = func(_ context.Context, stage string) (secret.Credentials, error) {
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

func TestAnErrorOfNoKnownTypeIsInternalAndToldByItsTypeAlone(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) {
		c.Account.Secret.Fetch = func(context.Context, string) (secret.Credentials, error) {
			return secret.Credentials{}, io.ErrNoProgress
		}
	})
	code := b.within(10 * time.Second)
	if cause := b.audit()["cause"]; code != "Internal" || cause != "an error of type *errors.errorString" {
		t.Errorf("%s, by the cause %v", code, cause)
	}
	if panics := b.log.lines(t, "a request panicked; the process goes on"); len(panics) != 0 {
		t.Errorf("it panicked: %v", panics)
	}
}

// runtimeError returns what the Go runtime panics with.
func runtimeError() (recovered any) {
	defer func() { recovered = recover() }()
	var none []any
	return none[0]
}

func TestAPanicsTextIsLoggedIfItIsTheRuntimesAlone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		value any
		want  any // the log line's error; nil for none
	}{
		"an error of the runtime":  {runtimeError(), "runtime error: index out of range [0] with length 0"},
		"an error of ours":         {errors.New(clientSecret), nil},
		"one that wraps the other": {fmt.Errorf("%s: %w", clientSecret, runtimeError().(error)), nil},
		"a text":                   {clientSecret, nil},
	} {
		b := newBroker(t, func(c *handler.Config) {
			c.Account.Secret.Now = func() time.Time { panic(row.value) }
		})
		if code := b.within(10 * time.Second); code != "Internal" {
			t.Errorf("%s: the answer is %s", name, code)
		}
		lines := b.log.lines(t, "a request panicked; the process goes on")
		if len(lines) != 1 || lines[0]["error"] != row.want || strings.Contains(b.log.String(), clientSecret) {
			t.Errorf("%s: the log says %v, want the error %v", name, lines, row.want)
		}
	}
}
