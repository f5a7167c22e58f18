package handler_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

// versions is a secret with stages, as in Secrets Manager.
type versions struct {
	mu                sync.Mutex
	current, previous string
}

func (v *versions) fetch(_ context.Context, stage string) (secret.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	version := map[string]string{secret.StageCurrent: v.current, secret.StagePrevious: v.previous}[stage]
	if version == "" {
		return secret.Credentials{}, &secret.Error{Reason: secret.NotFound}
	}
	return secret.Credentials{
		ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(version), Version: "id-of-" + version, Stage: stage,
	}, nil
}

func (v *versions) put(value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.previous, v.current = v.current, value
}

func withSecret(v *versions) func(*handler.Config) {
	return func(c *handler.Config) {
		c.Accounts["default"].Secret = &secret.Store{Fetch: v.fetch, Pause: time.Millisecond, Logger: discard}
	}
}

func accept(value string) atlastest.Credential {
	return atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: value}
}

func TestRefused_SecretIsFetchedAgain(t *testing.T) {
	t.Parallel()
	v := &versions{current: "one"}
	b := newBroker(t, withSecret(v))
	b.atlas.SetCredentials(accept("one"))
	if code := b.within(10 * time.Second); code != "OK" {
		t.Fatal(code)
	}
	v.put("two")
	b.atlas.SetCredentials(accept("two"))
	if code := b.within(10 * time.Second); code != "OK" || b.attempts() != 3 {
		t.Errorf("%s after %d attempts, want OK after 2", code, b.attempts()-1)
	}
	if version := b.audit()["secretVersion"]; version != "id-of-two" {
		t.Errorf("the audit line names version %v", version)
	}
}

func TestRefused_FallsBackToPrevious(t *testing.T) {
	t.Parallel()
	v := &versions{current: "wrong", previous: "one"}
	b := newBroker(t, withSecret(v))
	b.atlas.SetCredentials(accept("one"))
	for range 3 {
		if code := b.within(10 * time.Second); code != "OK" {
			t.Fatalf("%s, want OK by AWSPREVIOUS", code)
		}
		if audit := b.audit(); audit["secretStage"] != "AWSPREVIOUS" || audit["SecretFallback"] != 1.0 {
			t.Errorf("the audit line does not show the fallback: %v", audit)
		}
	}
	if n := b.attempts(); n != 4 {
		t.Errorf("3 calls took %d attempts, want 4: the wrong version is tried once", n)
	}
}

func TestRefused_AllVersions(t *testing.T) {
	t.Parallel()
	v := &versions{current: "two", previous: "one"}
	b := newBroker(t, withSecret(v))
	b.atlas.SetCredentials(accept("three"))
	if code := b.within(10 * time.Second); code != "AtlasRefused" || b.attempts() != 3 {
		t.Errorf("%s after %d attempts, want AtlasRefused after 3: two, one, and two a moment later", code, b.attempts())
	}
}

// The store waits a second for the next fetch. After that there is no time for
// an attempt, but Atlas has answered.
func TestRefused_ThenTooLittleTime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.Unauthorized())
		code := b.within(1700 * time.Millisecond)
		if audit := b.audit(); code != "AtlasRefused" || b.attempts() != 1 || audit["atlasStatus"] != 3.0 {
			t.Errorf("%s after %d attempts, status %v; want AtlasRefused after 1 and status 3", code, b.attempts(), audit["atlasStatus"])
		}
	})
}

// A fetch that hangs does not keep a call past its deadline, neither the first one
// nor one after a refusal.
func TestCall_HangingFetch(t *testing.T) {
	t.Parallel()
	for code, fetches := range map[string]int{"SecretUnavailable": 0, "AtlasRefused": 1} {
		t.Run(code, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *broker) {
				b.atlas.Always(atlastest.Unauthorized())
				if got, took := b.took(3 * time.Second); got != code || took != 2500*time.Millisecond {
					t.Errorf("%s after %v, want %s after 2.5 s", got, took, code)
				}
				time.Sleep(time.Minute) // of the bubble's clock: the fetch ends
			}, func(c *handler.Config) {
				c.Accounts["default"].Secret.Pause = time.Nanosecond
				fetch := c.Accounts["default"].Secret.Fetch
				c.Accounts["default"].Secret.Fetch = func(ctx context.Context, stage string) (secret.Credentials, error) {
					if fetches--; fetches >= 0 {
						return fetch(ctx, stage)
					}
					<-ctx.Done()
					return secret.Credentials{}, ctx.Err()
				}
			})
		})
	}
}
