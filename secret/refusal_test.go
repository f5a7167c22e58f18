package secret_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"atriptoken/secret"
)

// alternative checks the version that the store offers after the refused ones
// ("": none) and the time that this takes.
func (b *bench) alternative(version string, after time.Duration, refused ...string) secret.Credentials {
	b.Helper()
	began := time.Now()
	got, ok := b.Alternative(b.Context(), refused...)
	if got.Version != version || ok != (version != "") || time.Since(began) != after {
		b.Errorf("Alternative(%q) = version %q, %v after %v; want %q after %v", refused, got.Version, ok, time.Since(began), version, after)
	}
	return got
}

func TestRefusal_NewVersion(t *testing.T) {
	run(t, "v1", "v0", func(t *testing.T, b *bench) {
		b.get("v1")
		time.Sleep(time.Minute)
		b.put("v2")
		b.slow = time.Second
		var calls sync.WaitGroup
		for range 64 {
			calls.Go(func() { b.alternative("v2", time.Second, "v1") })
		}
		calls.Wait()
		b.get("v2")
		b.alternative("v2", 0, "v1") // refused before the fetch
		b.fetched(2)
	})
}

func TestRefusal_Fallback(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		b.put("wrong")
		time.Sleep(5 * time.Minute)
		b.get("v1")
		synctest.Wait()
		b.get("wrong")
		time.Sleep(time.Minute)
		other := b.alternative("v1", 0, "wrong")
		b.Accepted(t.Context(), other)
		for range 100 {
			b.get("v1") // Atlas is not asked about the wrong one again
			b.Accepted(t.Context(), other)
		}
		b.alternative("v1", 0, "wrong") // for a call that began before
		b.fetched(3)
		b.logged(`"level":"ERROR"`, `"event":"secret_fallback","current":"wrong","previous":"v1"`)
		if n := strings.Count(b.log.String(), "secret_fallback"); n != 1 {
			t.Errorf("the fallback is logged %d times, want once", n)
		}
		b.put("v2")
		time.Sleep(5 * time.Minute)
		b.get("v1")
		synctest.Wait()
		b.get("v2")
	})
}

func TestRefusal_FallbackRefused(t *testing.T) {
	run(t, "v2", "v1", func(t *testing.T, b *bench) { // Atlas does not know v2 yet
		b.get("v2")
		time.Sleep(time.Minute)
		b.Accepted(t.Context(), b.alternative("v1", 0, "v2"))
		b.get("v1")
		time.Sleep(15 * time.Second)
		b.alternative("v2", 0, "v1") // now it does
		b.get("v2")
		time.AfterFunc(500*time.Millisecond, func() { b.put("v3") })
		b.alternative("", 0, "v1", "v2", "v2")
		b.alternative("v3", time.Second, "v1", "v2") // these refusals of v1 are new
	})
}

// Successes with AWSPREVIOUS do not make the refusals of AWSCURRENT one order's.
func TestRefusal_FallbackIsNoSuccess(t *testing.T) {
	run(t, "wrong", "v1", func(t *testing.T, b *bench) {
		b.TTL = 20 * time.Second
		b.get("wrong")
		b.Accepted(t.Context(), b.alternative("v1", 0, "wrong"))
		time.Sleep(19 * time.Second)
		b.Accepted(t.Context(), b.get("v1"))
		time.Sleep(time.Second)
		b.get("v1")
		synctest.Wait()
		b.get("wrong")
		time.Sleep(time.Second)
		b.alternative("v1", 0, "wrong")
	})
}

// Two new versions came since the last fetch, and the newest is wrong.
func TestRefusal_FallbackTwoVersionsOn(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		time.Sleep(time.Minute)
		b.put("v2")
		b.put("wrong")
		b.alternative("wrong", 0, "v1")
		b.Accepted(t.Context(), b.alternative("v2", 0, "v1", "wrong"))
		b.get("v2")
		b.logged(`"event":"secret_fallback","current":"wrong","previous":"v2"`)
	})
}

// An AWSPREVIOUS that is accepted after AWSCURRENT was replaced is no fallback:
// Atlas has not refused the new AWSCURRENT, or only for one order.
func TestRefusal_LateAcceptance(t *testing.T) {
	run(t, "wrong", "v1", func(t *testing.T, b *bench) {
		b.get("wrong")
		other := b.alternative("v1", 0, "wrong")
		b.put("v2")
		time.Sleep(5 * time.Minute)
		b.get("wrong")
		synctest.Wait()
		b.alternative("wrong", 0, "v2")
		b.Accepted(t.Context(), other)
		if b.get("v2"); strings.Contains(b.log.String(), "secret_fallback") {
			t.Errorf("the log is %s", &b.log)
		}
	})
}

func TestRefusal_All(t *testing.T) {
	run(t, "v1", "v0", func(t *testing.T, b *bench) {
		b.get("v1")
		time.Sleep(time.Minute)
		b.alternative("v0", 0, "v1")
		b.alternative("v1", time.Second, "v1", "v0") // once more: Atlas may know it by now
		b.alternative("", 0, "v1", "v0", "v1")
		time.Sleep(30*time.Second + 1)
		b.alternative("v1", time.Second, "v1", "v0") // after a pause the refusals are new
		if n := b.count(secret.StagePrevious); n > 3 {
			t.Errorf("AWSPREVIOUS was fetched %d times", n)
		}
	})
}

// The wall clock can be slower than the timer of the wait.
func TestRefusal_SlowClock(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		began := time.Now()
		b.Now = func() time.Time { return began.Add(time.Since(began) * 999 / 1000) }
		b.get("v1")
		time.AfterFunc(500*time.Millisecond, func() { b.put("v2") })
		b.alternative("v2", time.Second, "v1")
	})
}

func TestRefusal_WaitsTogether(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		b.slow = 100 * time.Millisecond
		var calls sync.WaitGroup
		for range 64 {
			calls.Go(func() { _, _ = b.Alternative(t.Context(), "v1") })
		}
		calls.Wait()
		b.fetched(2)
	})
}

// A refusal of all calls is waited for and fetched for each second at first, then
// with the backoff of failures.
func TestRefusal_Lasts(t *testing.T) {
	run(t, "v1", "", func(t *testing.T, b *bench) {
		b.get("v1")
		for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Second) {
			_, _ = b.Alternative(t.Context(), "v1")
		}
		before := b.count(secret.StageCurrent)
		var pauses []time.Duration
		last := time.Now()
		for len(pauses) < 8 {
			b.alternative("", 0, "v1")
			if n := b.count(secret.StageCurrent); n > before {
				pauses = append(pauses, time.Since(last))
				last, before = time.Now(), n
			}
			time.Sleep(time.Second)
		}
		if got := fmt.Sprint(pauses); got != "[0s 1s 2s 4s 8s 16s 30s 30s]" {
			t.Errorf("the pauses between fetches are %s", got)
		}
		if current, previous := b.count(secret.StageCurrent), b.count(secret.StagePrevious); previous > current {
			t.Errorf("AWSPREVIOUS was fetched %d times, AWSCURRENT %d times", previous, current)
		}
		time.Sleep(15 * time.Second)
		b.alternative("", 0, "v1")
		time.Sleep(15 * time.Second)
		b.put("v2")
		b.alternative("v2", 0, "v1")
		b.put("v3")
		b.TTL = time.Second
		time.Sleep(time.Second)
		b.get("v2")
		synctest.Wait()
		b.get("v3") // the backoff has ended
	})
}

// While other calls succeed with the same version, a refusal is one order's.
func TestRefusal_OneOrder(t *testing.T) {
	run(t, "v1", "v0", func(t *testing.T, b *bench) {
		b.get("v1")
		time.Sleep(time.Minute)
		b.alternative("v0", 0, "v1") // not known yet
		for range 10 {
			time.Sleep(time.Second / 2)
			b.Accepted(t.Context(), b.get("v1"))
			time.Sleep(time.Second / 2)
			b.alternative("", 0, "v1")
		}
		b.fetched(6) // one as usual, and 1, 2, 4 and 8 s later
		for range 60 {
			time.Sleep(5 * time.Second)
			b.Accepted(t.Context(), b.get("v1"))
			time.Sleep(5 * time.Second)
			b.alternative("", 0, "v1")
		}
		if current, previous := b.count(secret.StageCurrent), b.count(secret.StagePrevious); current > 30 || previous > 1 {
			t.Errorf("in 10 minutes AWSCURRENT was fetched %d times, AWSPREVIOUS %d times; want at most 30 and 1", current, previous)
		}
		// When the others succeed no longer, it is the secret.
		time.Sleep(6 * time.Second)
		b.alternative("v0", 0, "v1")
		b.put("v2")
		b.alternative("v2", time.Second, "v1", "v0")
	})
}

// A call that began before the refusals says nothing about them: a rotation can
// have come in between.
func TestRefusal_AcceptedInFlight(t *testing.T) {
	run(t, "v1", "v0", func(t *testing.T, b *bench) {
		inFlight := b.get("v1")
		time.Sleep(time.Minute)
		b.alternative("v0", 0, "v1")
		b.Accepted(t.Context(), inFlight)
		time.Sleep(time.Second)
		b.alternative("v0", 0, "v1")
		b.alternative("v1", time.Second, "v1", "v0")
	})
}

func TestRefusal_LittleTime(t *testing.T) {
	run(t, "v1", "v0", func(t *testing.T, b *bench) {
		b.get("v1")
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, ok := b.Alternative(ctx, "v1", "v0"); !ok {
			t.Error("there was time for the wait of a second")
		}
		began := time.Now()
		for _, refused := range [][]string{{"v1"}, {"v1", "v0"}} {
			if other, ok := b.Alternative(ctx, refused...); ok != (len(refused) == 1) || time.Since(began) != 0 {
				t.Errorf("after %v: version %q, %v", time.Since(began), other.Version, ok)
			}
		}
	})
}

// A call does not wait for a fetch, of AWSCURRENT or then of AWSPREVIOUS, past its deadline.
func TestRefusal_CallerDeadline(t *testing.T) {
	run(t, "v1", "v0", func(t *testing.T, b *bench) {
		b.get("v1")
		time.Sleep(time.Minute)
		b.slow = 3 * time.Second
		for _, stage := range []string{secret.StageCurrent, secret.StagePrevious} {
			before, began := b.count(stage), time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, ok := b.Alternative(ctx, "v1")
			cancel()
			if ok || time.Since(began) != time.Second || b.count(stage) != before+1 {
				t.Errorf("%s: %v after %v and %d fetches", stage, ok, time.Since(began), b.count(stage)-before)
			}
			time.Sleep(2 * time.Second) // the fetch ends
		}
	})
}

func TestRefusal_FailedFetches(t *testing.T) {
	for rule, row := range map[string]struct {
		current  string
		failures int
		want     string
		after    time.Duration
		fetched  int // AWSCURRENT
	}{
		"one is repeated":                       {"v2", 1, "v2", 0, 3},
		"after two, AWSPREVIOUS is tried":       {"v1", 2, "v0", 0, 3},
		"before a third, there is the pause":    {"v1", 3, "v1", time.Second, 4},
		"while all fail, there is nothing else": {"v1", all, "", time.Second, 4},
	} {
		t.Run(rule, func(t *testing.T) {
			run(t, "v1", "v0", func(t *testing.T, b *bench) {
				b.get("v1")
				time.Sleep(time.Minute)
				b.stages[secret.StageCurrent] = row.current
				b.fail(row.failures)
				b.alternative(row.want, row.after, "v1")
				b.fetched(row.fetched)
				b.get(row.current)
			})
		})
	}
}

// A version that Atlas refused at first and then accepted can be rotated soon: the
// refreshes by age go on, and a refusal waits for the next fetch.
func TestRefusal_RotationSoonAfter(t *testing.T) {
	run(t, "v2", "v1", func(t *testing.T, b *bench) {
		b.TTL = time.Second
		b.get("v2")
		b.alternative("v1", 0, "v2") // not yet known to Atlas
		for range 8 {
			time.Sleep(time.Second)
			b.Accepted(t.Context(), b.get("v2"))
			synctest.Wait()
		}
		b.put("v3")
		b.alternative("v3", time.Second, "v2")
	})
}
