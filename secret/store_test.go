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

// vault stands for Secrets Manager: what each stage holds, what goes wrong, and
// how often it was asked. Every test runs in a synctest bubble, whose clock
// moves only when all wait, so waiting costs nothing and nothing is timed.
type vault struct {
	mu     sync.Mutex
	stages map[string]string // stage -> version
	err    error
	slow   time.Duration
	asked  map[string]int
}

func newVault(current, previous string) *vault {
	return &vault{stages: map[string]string{secret.StageCurrent: current, secret.StagePrevious: previous}, asked: map[string]int{}}
}

func (v *vault) fetch(ctx context.Context, stage string) (secret.Credentials, error) {
	v.mu.Lock()
	v.asked[stage]++
	version, err, slow := v.stages[stage], v.err, v.slow
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
	return secret.Credentials{ClientID: "example-client", ClientSecret: redact.New("secret-of-" + version), Version: version, Stage: stage}, nil
}

// put moves the stages as Secrets Manager does.
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

func (v *vault) count(stage string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked[stage]
}

// lines is a log that goroutines write.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newStore(v *vault) (*secret.Store, *lines) {
	log := &lines{}
	return &secret.Store{Fetch: v.fetch, Logger: slog.New(slog.NewJSONHandler(log, nil))}, log
}

func mustGet(t *testing.T, s *secret.Store, version string) secret.Credentials {
	t.Helper()
	got, err := s.Get(t.Context())
	if err != nil || got.Version != version {
		t.Fatalf("Get() = version %q, %v; want %q", got.Version, err, version)
	}
	return got
}

func TestTheSecretIsFetchedOnceAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		s, _ := newStore(v)
		for range 10 {
			mustGet(t, s, "v1")
			time.Sleep(20 * time.Second)
		}
		if n := v.count(secret.StageCurrent); n != 1 {
			t.Errorf("10 calls within the TTL fetched %d times, want once", n)
		}
	})
}

func TestThoseWhoComeTogetherShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		v.slow = time.Second
		s, _ := newStore(v)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() { mustGet(t, s, "v1") })
		}
		all.Wait()
		if n := v.count(secret.StageCurrent); n != 1 {
			t.Errorf("64 calls at once fetched %d times, want once", n)
		}
	})
}

func TestAnOldSecretIsRefreshedBesideTheCallNotInFrontOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		s, log := newStore(v)
		mustGet(t, s, "v1")
		v.put("v2")
		v.slow = 3 * time.Second
		time.Sleep(5 * time.Minute)
		began := time.Now()
		mustGet(t, s, "v1")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the call waited %v for the refresh", waited)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		mustGet(t, s, "v2")
		if !strings.Contains(log.String(), "secret_rotated") {
			t.Errorf("the log does not tell of the new version: %s", log)
		}
	})
}

func TestTheLastGoodSecretWorksWhileSecretsManagerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		s, log := newStore(v)
		mustGet(t, s, "v1")
		v.fail(&secret.Error{Reason: secret.Unreachable})
		time.Sleep(24 * time.Hour)
		for range 100 {
			mustGet(t, s, "v1")
			synctest.Wait()
		}
		if n := v.count(secret.StageCurrent); n != 3 {
			t.Errorf("100 calls in a moment tried %d times, want twice", n-1)
		}
		if !strings.Contains(log.String(), `"event":"secret_stale"`) || !strings.Contains(log.String(), `"ageSeconds":86400`) {
			t.Errorf("the log does not tell the secret's age: %s", log)
		}
		v.fail(nil)
		v.put("v2")
		time.Sleep(2 * time.Second)
		mustGet(t, s, "v1")
		synctest.Wait()
		mustGet(t, s, "v2")
	})
}

func TestAFailedFirstFetchIsTriedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		v.fail(&secret.Error{Reason: secret.Throttled})
		s, log := newStore(v)
		var pauses []time.Duration
		last := time.Now()
		for fetched := 0; len(pauses) < 8; {
			_, err := s.Get(t.Context())
			var e *secret.Error
			if !errors.As(err, &e) || !errors.Is(err, secret.ErrUnavailable) || e.Reason != secret.Throttled {
				t.Fatalf("error is %v", err)
			}
			if n := v.count(secret.StageCurrent); n > fetched {
				pauses = append(pauses, time.Since(last))
				last, fetched = time.Now(), n
				continue
			}
			if e.RetryAfter <= 0 {
				t.Fatalf("a call that is held back is not told how long")
			}
			time.Sleep(e.RetryAfter)
		}
		if got := fmt.Sprint(pauses); got != "[0s 0s 1s 2s 4s 8s 16s 30s]" {
			t.Errorf("the pauses between fetches are %s", got)
		}
		v.fail(nil)
		time.Sleep(30 * time.Second)
		mustGet(t, s, "v1")
		if !strings.Contains(log.String(), `"event":"secret_unavailable","reason":"throttled"`) {
			t.Errorf("the log does not say what is wrong: %s", log)
		}
	})
}

func TestAFetchThatPanicsIsAFailedFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newStore(newVault("v1", ""))
		s.Fetch = func(context.Context, string) (secret.Credentials, error) { panic("MARKED") }
		if _, err := s.Get(t.Context()); !errors.Is(err, secret.ErrUnavailable) || strings.Contains(err.Error()+log.String(), "MARKED") {
			t.Errorf("error is %v, log %s", err, log)
		}
	})
}

func TestACallWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		v.slow = 3 * time.Second
		s, _ := newStore(v)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := s.Get(ctx)
		if !errors.Is(err, secret.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(2 * time.Second)
		mustGet(t, s, "v1") // the fetch went on
		if n := v.count(secret.StageCurrent); n != 1 {
			t.Errorf("fetched %d times, want once", n)
		}
	})
}

func TestAFetchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		v.slow = time.Hour
		s, _ := newStore(v)
		s.Timeout = 2 * time.Second
		began := time.Now()
		if _, err := s.Get(t.Context()); err == nil || time.Since(began) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// The rest is what to try after Atlas refused.

func TestARefusalTakesUpANewVersionAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "v0")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		time.Sleep(time.Minute)
		v.put("v2")
		began := time.Now()
		if other, ok := s.Other(t.Context(), "v1"); !ok || other.Version != "v2" || time.Since(began) != 0 {
			t.Errorf("after %v: version %q, %v; want v2", time.Since(began), other.Version, ok)
		}
		mustGet(t, s, "v2")
	})
}

func TestARefusalOfAnOldVersionTakesTheOneInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v2", "v1")
		s, _ := newStore(v)
		mustGet(t, s, "v2")
		if other, ok := s.Other(t.Context(), "v1"); !ok || other.Version != "v2" || v.count(secret.StageCurrent) != 1 {
			t.Errorf("version %q, %v, fetched %d times", other.Version, ok, v.count(secret.StageCurrent))
		}
	})
}

func TestRefusalsAtOnceShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "v0")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		time.Sleep(time.Minute)
		v.slow = time.Second
		v.put("v2")
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if other, ok := s.Other(t.Context(), "v1"); !ok || other.Version != "v2" {
					t.Errorf("version %q, %v", other.Version, ok)
				}
			})
		}
		all.Wait()
		if n := v.count(secret.StageCurrent); n != 2 {
			t.Errorf("64 refusals at once fetched %d times, want once", n-1)
		}
	})
}

func TestAWrongNewSecretFallsBackToThePreviousOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		s, log := newStore(v)
		mustGet(t, s, "v1")
		v.put("wrong")
		time.Sleep(5 * time.Minute)
		mustGet(t, s, "v1")
		synctest.Wait()
		mustGet(t, s, "wrong")
		time.Sleep(time.Minute)
		other, ok := s.Other(t.Context(), "wrong")
		if !ok || other.Version != "v1" || other.Stage != secret.StagePrevious {
			t.Fatalf("version %q, %v; want v1, the previous one", other.Version, ok)
		}
		s.Accepted(t.Context(), other)
		for range 100 {
			mustGet(t, s, "v1") // without asking Atlas about the wrong one again
		}
		if n := strings.Count(log.String(), `"event":"secret_fallback"`); n != 1 || !strings.Contains(log.String(), `"level":"ERROR"`) {
			t.Errorf("the fallback is logged %d times, want once, as an error: %s", n, log)
		}
		v.put("v2") // mended: v2 is current, wrong is previous
		time.Sleep(5 * time.Minute)
		mustGet(t, s, "v1")
		synctest.Wait()
		mustGet(t, s, "v2")
	})
}

func TestARefusedFallbackIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v2", "v1") // the secret is changed, Atlas not yet
		s, _ := newStore(v)
		mustGet(t, s, "v2")
		time.Sleep(time.Minute)
		other, _ := s.Other(t.Context(), "v2")
		s.Accepted(t.Context(), other)
		mustGet(t, s, "v1")
		// Now Atlas changes.
		if other, ok := s.Other(t.Context(), "v1"); !ok || other.Version != "v2" {
			t.Errorf("version %q, %v; want v2", other.Version, ok)
		}
		mustGet(t, s, "v2")
	})
}

func TestWhenEverythingIsRefusedThereIsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "v0")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		time.Sleep(time.Minute)
		other, ok := s.Other(t.Context(), "v1")
		if !ok || other.Version != "v0" {
			t.Fatalf("version %q, %v; want v0", other.Version, ok)
		}
		// Once more, a moment later: Atlas may have changed meanwhile.
		began := time.Now()
		if other, ok := s.Other(t.Context(), "v1", "v0"); !ok || other.Version != "v1" || time.Since(began) != time.Second {
			t.Errorf("after %v: version %q, %v; want v1 after 1s", time.Since(began), other.Version, ok)
		}
		if other, ok := s.Other(t.Context(), "v1", "v0", "v1"); ok {
			t.Errorf("version %q after all were refused, the current one twice", other.Version)
		}
		if n := v.count(secret.StagePrevious); n > 3 {
			t.Errorf("AWSPREVIOUS was fetched %d times", n)
		}
	})
}

func TestARefusalThatIsNewWaitsForTheNextFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "v0")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		// Refused in the same moment: the fetch a moment ago forbids another.
		time.AfterFunc(500*time.Millisecond, func() { v.put("v2") })
		began := time.Now()
		if other, ok := s.Other(t.Context(), "v1"); !ok || other.Version != "v0" || time.Since(began) != 0 {
			t.Errorf("after %v: version %q, %v; want v0 at once", time.Since(began), other.Version, ok)
		}
		other, ok := s.Other(t.Context(), "v1", "v0")
		if !ok || other.Version != "v2" || time.Since(began) != time.Second {
			t.Errorf("after %v: version %q, %v; want v2 after 1s", time.Since(began), other.Version, ok)
		}
	})
}

func TestARefusalThatLastsSlowsNobodyDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		for range 20 { // the first ten seconds are patient
			_, _ = s.Other(t.Context(), "v1")
			time.Sleep(time.Second)
		}
		_, _ = s.Other(t.Context(), "v1")
		before := v.count(secret.StageCurrent)
		began := time.Now()
		for range 50 {
			if _, ok := s.Other(t.Context(), "v1"); ok {
				t.Fatal("there is something else")
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("50 refused calls waited %v", waited)
		}
		if n := v.count(secret.StageCurrent) - before; n != 0 {
			t.Errorf("50 refused calls in a moment fetched %d times", n)
		}
		if current, previous := v.count(secret.StageCurrent), v.count(secret.StagePrevious); previous > current {
			t.Errorf("AWSPREVIOUS was fetched %d times, AWSCURRENT %d times", previous, current)
		}
	})
}

func TestARefusalWithLittleTimeDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "v0")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		if other, ok := s.Other(ctx, "v1"); !ok || other.Version != "v0" || time.Since(began) != 0 {
			t.Errorf("after %v: version %q, %v; want v0 at once", time.Since(began), other.Version, ok)
		}
	})
}

func TestARefusalWhileSecretsManagerIsDownHasNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVault("v1", "v0")
		s, _ := newStore(v)
		mustGet(t, s, "v1")
		v.fail(&secret.Error{Reason: secret.Denied})
		time.Sleep(time.Minute)
		if other, ok := s.Other(t.Context(), "v1"); ok {
			t.Errorf("version %q though nothing can be fetched", other.Version)
		}
		mustGet(t, s, "v1")
	})
}
