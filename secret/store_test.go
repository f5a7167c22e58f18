package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"atriptoken/internal/redact"
	"atriptoken/secret"
)

// bench is a store, its log, and a Secrets Manager in memory.
type bench struct {
	*testing.T
	*secret.Store
	log  bytes.Buffer // complete once every goroutine waits
	slow time.Duration

	mu       sync.Mutex
	stages   map[string]string // stage -> version
	fetches  map[string]int    // by stage
	failures int               // of the next fetches
	ctx      context.Context   // of the last fetch
}

// all is more failures than a test has fetches.
const all = 1 << 30

func (b *bench) fetch(ctx context.Context, stage string) (secret.Credentials, error) {
	b.mu.Lock()
	b.fetches[stage]++
	b.failures--
	b.ctx = ctx
	version, failed := b.stages[stage], b.failures >= 0
	b.mu.Unlock()
	select {
	case <-time.After(b.slow):
	case <-ctx.Done():
		return secret.Credentials{}, ctx.Err()
	}
	if failed {
		return secret.Credentials{}, &secret.Error{Reason: secret.Throttled}
	}
	if version == "" {
		return secret.Credentials{}, &secret.Error{Reason: secret.NotFound}
	}
	return secret.Credentials{ClientID: "example-client", ClientSecret: redact.New("MARKED-" + version), Version: version, Stage: stage}, nil
}

// put stores a new version as Secrets Manager does.
func (b *bench) put(version string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stages[secret.StagePrevious], b.stages[secret.StageCurrent] = b.stages[secret.StageCurrent], version
}

// fail lets the next n fetches fail.
func (b *bench) fail(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = n
}

// count returns the number of fetches of a stage so far.
func (b *bench) count(stage string) int {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fetches[stage]
}

// run runs a test in a synctest bubble, whose clock moves only while every
// goroutine waits. The log must never contain the secret.
func run(t *testing.T, current, previous string, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		stages := map[string]string{secret.StageCurrent: current, secret.StagePrevious: previous}
		b := &bench{T: t, stages: stages, fetches: map[string]int{}}
		logger := slog.New(slog.NewJSONHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		b.Store = &secret.Store{Fetch: b.fetch, Logger: logger}
		test(t, b)
		synctest.Wait()
		if strings.Contains(b.log.String(), "MARKED") {
			t.Errorf("the log contains the secret: %s", &b.log)
		}
	})
}

func (b *bench) get(version string) secret.Credentials {
	b.Helper()
	got, err := b.Get(b.Context())
	if err != nil || got.Version != version {
		b.Fatalf("Get() = version %q, %v; want %q", got.Version, err, version)
	}
	return got
}

// fetched checks the number of fetches of AWSCURRENT so far.
func (b *bench) fetched(want int) {
	b.Helper()
	if n := b.count(secret.StageCurrent); n != want {
		b.Errorf("AWSCURRENT was fetched %d times, want %d", n, want)
	}
}

func (b *bench) logged(parts ...string) {
	b.Helper()
	synctest.Wait()
	for _, part := range parts {
		if !strings.Contains(b.log.String(), part) {
			b.Errorf("the log does not contain %s: %s", part, &b.log)
		}
	}
}

func TestStore_FetchedOnce(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.slow = time.Second
		var calls sync.WaitGroup
		for range 64 {
			calls.Go(func() { b.get("v1") })
		}
		calls.Wait()
		time.Sleep(5*time.Minute - 1)
		b.get("v1")
		b.fetched(1)
		b.slow = 0
		time.Sleep(time.Nanosecond)
		b.get("v1")
		b.fetched(2)
		if b.log.String() != "" || b.ctx.Err() == nil {
			t.Errorf("the log of an unchanged secret is %q, its fetch's context ended with %v", &b.log, b.ctx.Err())
		}
	})
}

func TestStore_RefreshByAge(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		b.put("v2")
		b.slow = 3 * time.Second
		time.Sleep(5 * time.Minute)
		began := time.Now()
		for range 64 {
			b.get("v1")
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the calls waited %v for the refresh", waited)
		}
		time.Sleep(3 * time.Second)
		b.fetched(2)
		b.get("v2")
		b.logged(`"event":"secret_rotated","version":"v2","replaced":"v1"`)
	})
}

func TestStore_LastGoodVersion(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		b.fail(all)
		time.Sleep(24 * time.Hour)
		for range 100 {
			b.get("v1")
			synctest.Wait()
		}
		b.fetched(3) // no pause after one failure
		b.logged(`"event":"secret_stale","reason":"throttled","version":"v1","ageSeconds":86400`)
		b.fail(0)
		b.put("v2")
		time.Sleep(2 * time.Second)
		b.get("v1")
		synctest.Wait()
		b.get("v2")
	})
}

func TestStore_Backoff(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.fail(all)
		var pauses []time.Duration
		last := time.Now()
		for fetched := 0; len(pauses) < 9; {
			_, err := b.Get(t.Context())
			var e *secret.Error
			if !errors.As(err, &e) || !errors.Is(err, secret.ErrUnavailable) || e.Reason != secret.Throttled {
				t.Fatalf("the error is %v", err)
			}
			if n := b.count(secret.StageCurrent); n > fetched {
				pauses = append(pauses, time.Since(last))
				last, fetched = time.Now(), n
				continue
			}
			if e.RetryAfter <= 0 {
				t.Fatal("a call in the pause gets no RetryAfter")
			}
			time.Sleep((e.RetryAfter + 1) / 2) // then the rest is asked for
		}
		if got := fmt.Sprint(pauses); got != "[0s 0s 1s 2s 4s 8s 16s 30s 30s]" {
			t.Errorf("the pauses between fetches are %s", got)
		}
		b.fail(0)
		time.Sleep(30 * time.Second)
		b.get("v1")
		b.logged(`"level":"ERROR"`, `"event":"secret_unavailable","reason":"throttled"`, "it is tried again")
	})
}

func TestStore_FetchPanics(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.Fetch = func(context.Context, string) (secret.Credentials, error) { panic("MARKED") }
		if _, err := b.Get(t.Context()); !errors.Is(err, secret.ErrUnavailable) || strings.Contains(err.Error(), "MARKED") {
			t.Errorf("the error is %v", err)
		}
		b.logged(`"reason":"failed"`)
	})
}

func TestStore_CallerDeadline(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.slow = 3 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := b.Get(ctx)
		if !errors.Is(err, secret.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(2 * time.Second)
		b.get("v1")
		b.fetched(1) // the fetch continued without its caller
	})
}

func TestStore_Timeout(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.slow = time.Hour
		began := time.Now()
		if _, err := b.Get(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 4*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// A wall clock that is set forward or back costs one fetch and no wait.
func TestStore_ClockSet(t *testing.T) {
	for _, jump := range []time.Duration{-time.Hour, time.Hour} {
		run(t, "v1", "", func(t *testing.T, b *bench) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			b.Now = func() time.Time { return now }
			b.get("v1")
			now = now.Add(jump)
			for range 3 {
				b.get("v1")
				b.fetched(2)
			}
			b.fail(all)
			now = now.Add(5 * time.Minute)
			for range 3 { // two failed fetches, then a pause
				b.get("v1")
				synctest.Wait()
			}
			b.fetched(4)
			now = now.Add(jump)
			b.get("v1")
			b.fetched(5)
		})
		run(t, "v1", "", func(t *testing.T, b *bench) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			b.Now = func() time.Time { return now }
			b.fail(all)
			for range 2 {
				_, _ = b.Get(t.Context())
			}
			now = now.Add(jump)
			b.fail(0)
			b.get("v1")
		})
	}
}
