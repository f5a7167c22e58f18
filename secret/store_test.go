package secret_test

import (
	"bytes"
	"cmp"
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

// vault is a Secrets Manager in memory: the version of each stage, its faults,
// and the number of fetches.
type vault struct {
	mu      sync.Mutex
	stages  map[string]string // stage -> version
	err     error             // of every fetch
	once    error             // of the next fetch
	slow    time.Duration
	fetches map[string]int // by stage
	ctx     context.Context
}

func (v *vault) fetch(ctx context.Context, stage string) (secret.Credentials, error) {
	v.mu.Lock()
	v.fetches[stage]++
	version, err, slow := v.stages[stage], cmp.Or(v.once, v.err), v.slow
	v.once, v.ctx = nil, ctx
	v.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return secret.Credentials{}, ctx.Err()
	}
	if err == nil && version == "" {
		err = &secret.Error{Reason: secret.NotFound}
	}
	if err != nil {
		return secret.Credentials{}, err
	}
	return secret.Credentials{ClientID: "example-client", ClientSecret: redact.New("MARKED-" + version), Version: version, Stage: stage}, nil
}

// put stores a new version as Secrets Manager does.
func (v *vault) put(version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stages[secret.StagePrevious], v.stages[secret.StageCurrent] = v.stages[secret.StageCurrent], version
}

func (v *vault) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// failOnce lets the next fetch fail.
func (v *vault) failOnce(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.once = err
}

func (v *vault) count(stage string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fetches[stage]
}

// bench is a store, its vault and its log.
type bench struct {
	*testing.T
	*secret.Store
	vault *vault
	log   *log
}

type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newLogger(l *log) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// run runs a test in a synctest bubble, whose clock moves only while every
// goroutine waits. The log must never contain the secret.
func run(t *testing.T, current, previous string, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stages: map[string]string{secret.StageCurrent: current, secret.StagePrevious: previous}, fetches: map[string]int{}}
		b := &bench{T: t, vault: v, log: &log{}}
		b.Store = &secret.Store{Fetch: v.fetch, Logger: newLogger(b.log)}
		test(t, b)
		synctest.Wait()
		if strings.Contains(b.log.String(), "MARKED") {
			t.Errorf("the log contains the secret: %s", b.log)
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
	synctest.Wait()
	if n := b.vault.count(secret.StageCurrent); n != want {
		b.Errorf("AWSCURRENT was fetched %d times, want %d", n, want)
	}
}

func (b *bench) logged(parts ...string) {
	b.Helper()
	for _, part := range parts {
		if !strings.Contains(b.log.String(), part) {
			b.Errorf("the log does not contain %s: %s", part, b.log)
		}
	}
}

func TestStore_FetchedOnce(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.vault.slow = time.Second
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() { b.get("v1") })
		}
		all.Wait()
		time.Sleep(5*time.Minute - 1)
		b.get("v1")
		b.fetched(1)
		b.vault.slow = 0
		time.Sleep(time.Nanosecond)
		b.get("v1")
		b.fetched(2)
		if b.log.String() != "" || b.vault.ctx.Err() == nil {
			t.Errorf("the log of an unchanged secret is %q, its fetch's context ended with %v", b.log, b.vault.ctx.Err())
		}
	})
}

func TestStore_RefreshByAge(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		b.vault.put("v2")
		b.vault.slow = 3 * time.Second
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
		b.vault.fail(&secret.Error{Reason: secret.Unreachable})
		time.Sleep(24 * time.Hour)
		for range 100 {
			b.get("v1")
			synctest.Wait()
		}
		b.fetched(3) // no pause after one failure
		b.logged(`"event":"secret_stale","reason":"unreachable","version":"v1","ageSeconds":86400`)
		b.vault.fail(nil)
		b.vault.put("v2")
		time.Sleep(2 * time.Second)
		b.get("v1")
		synctest.Wait()
		b.get("v2")
	})
}

func TestStore_Backoff(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.vault.fail(&secret.Error{Reason: secret.Throttled})
		var pauses []time.Duration
		last := time.Now()
		for fetched := 0; len(pauses) < 9; {
			_, err := b.Get(t.Context())
			var e *secret.Error
			if !errors.As(err, &e) || !errors.Is(err, secret.ErrUnavailable) || e.Reason != secret.Throttled {
				t.Fatalf("the error is %v", err)
			}
			if n := b.vault.count(secret.StageCurrent); n > fetched {
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
		b.vault.fail(nil)
		time.Sleep(30 * time.Second)
		b.get("v1")
		b.logged(`"event":"secret_unavailable","reason":"throttled"`)
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
		b.vault.slow = 3 * time.Second
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
	for timeout, want := range map[time.Duration]time.Duration{0: 4 * time.Second, 2 * time.Second: 2 * time.Second} {
		run(t, "v1", "", func(t *testing.T, b *bench) {
			b.vault.slow, b.Timeout = time.Hour, timeout
			began := time.Now()
			if _, err := b.Get(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != want {
				t.Errorf("with Timeout %v: after %v: %v", timeout, time.Since(began), err)
			}
		})
	}
}

func TestStore_Settings(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		b.TTL, b.Now = time.Minute, func() time.Time { return now }
		b.get("v1")
		for i, age := range []time.Duration{time.Minute - 1, time.Minute} {
			now = now.Add(age)
			b.get("v1")
			b.fetched(1 + i)
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
			b.vault.fail(&secret.Error{Reason: secret.Throttled})
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
			b.vault.fail(&secret.Error{Reason: secret.Throttled})
			for range 2 {
				_, _ = b.Get(t.Context())
			}
			now = now.Add(jump)
			b.vault.fail(nil)
			b.get("v1")
		})
	}
}
