package secret

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Store keeps the credentials of one Atlas account. Only Fetch is required. A
// Store is safe for use by several goroutines and must not be copied after its
// first use.
//
// Lambda freezes a process between calls. So there is no background timer: calls
// trigger refreshes, which run concurrently. Ages are taken from the wall clock,
// because the monotonic clock stops during a freeze.
type Store struct {
	// Fetch reads the version with the stage's label, as (*SecretsManager).Fetch does.
	Fetch func(ctx context.Context, stage string) (Credentials, error)
	// TTL is the age at which a call triggers a refresh. Zero means 5 minutes.
	TTL time.Duration
	// Pause is the least time between two fetches after a refusal or a failure.
	// Zero means 1 second. It doubles up to 30 seconds while failures or refusals
	// last. After the first failure there is no pause.
	Pause time.Duration
	// Now returns the wall clock's time. Nil means time.Now.
	Now func() time.Time
	// Logger gets failed fetches and fallbacks. Nil means slog.Default().
	Logger *slog.Logger

	flight singleflight.Group

	mu        sync.Mutex
	current   Credentials  // the last good AWSCURRENT
	fallback  *Credentials // the AWSPREVIOUS that Atlas accepts while it refuses current
	lastFetch time.Time    // of AWSCURRENT
	lastErr   error        // of that fetch
	failures  int          // of such fetches, in a row
	refusals  refusals
	// lastPrevious is the result of the last fetch of AWSPREVIOUS, which came after
	// the fetch of AWSCURRENT at this time.
	lastPrevious struct {
		after       time.Time
		credentials Credentials
		err         error
	}
}

const (
	defaultTTL   = 5 * time.Minute
	defaultPause = time.Second
	maxPause     = 30 * time.Second
	fetchTimeout = 4 * time.Second
)

// Get returns the credentials to call Atlas with. It waits for a fetch only if
// there was no good one yet. Its error is an *Error.
func (s *Store) Get(ctx context.Context) (Credentials, error) {
	now := s.now()
	s.mu.Lock()
	inUse, fetchedAt, lastErr, cooldown := s.inUse(), s.current.FetchedAt, s.lastErr, s.cooldown(now)
	s.mu.Unlock()

	switch {
	case fetchedAt.IsZero() && cooldown > 0:
		e := *asError(lastErr)
		e.RetryAfter = cooldown
		return Credentials{}, &e
	case fetchedAt.IsZero():
		return s.share(ctx, StageCurrent)
	case passed(fetchedAt, now, cmp.Or(s.TTL, defaultTTL)) && cooldown <= 0:
		s.start(StageCurrent) // the call does not wait for it
	}
	inUse.taken = now
	return inUse, nil
}

// inUse returns the credentials that calls use. The caller holds s.mu.
func (s *Store) inUse() Credentials {
	if s.fallback != nil {
		return *s.fallback
	}
	return s.current
}

// share fetches a version together with the other callers that need it, and
// waits no longer than ctx.
func (s *Store) share(ctx context.Context, stage string) (Credentials, error) {
	select {
	case result := <-s.start(stage):
		return result.Val.(Credentials), result.Err
	case <-ctx.Done():
		return Credentials{}, &Error{Reason: Unreachable, cause: ctx.Err()}
	}
}

// start starts a fetch, unless one of the same stage is in progress.
func (s *Store) start(stage string) <-chan singleflight.Result {
	return s.flight.DoChan(stage, func() (any, error) {
		credentials, err := s.fetch(stage)
		if stage == StageCurrent {
			s.note(credentials, err)
		}
		return credentials, err
	})
}

// fetch is shared, so only fetchTimeout bounds it, not a caller's context. It recovers
// panics, because no caller can: it runs in its own goroutine.
func (s *Store) fetch(stage string) (credentials Credentials, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			credentials, err = Credentials{}, &Error{Reason: Failed, cause: fmt.Errorf("panic: %T", recovered)}
		}
	}()
	credentials, err = s.Fetch(ctx, stage)
	credentials.FetchedAt = s.now()
	return credentials, err
}

// note keeps the result of a fetch of AWSCURRENT and logs it.
func (s *Store) note(credentials Credentials, err error) {
	now := s.now()
	s.mu.Lock()
	last := s.current
	known := !last.FetchedAt.IsZero()
	s.lastFetch, s.lastErr = now, err
	switch {
	case err != nil:
		s.failures++
	case credentials.Version == last.Version:
		s.refusals.fetched(now)
	default:
		s.refusals = refusals{}
	}
	if err == nil {
		s.current, s.fallback, s.failures = credentials, nil, 0
	}
	s.mu.Unlock()

	switch {
	case err != nil && known:
		s.logger().Warn("the secret cannot be refreshed; the last good version stays in use: "+err.Error(), "event", "secret_stale",
			"reason", string(asError(err).Reason), "version", last.Version, "ageSeconds", int(now.Sub(last.FetchedAt).Seconds()))
	case err != nil:
		s.logger().Error(err.Error(), "event", "secret_unavailable", "reason", string(asError(err).Reason))
	case known && last.Version != credentials.Version:
		s.logger().Info("a new version of the secret is in use",
			"event", "secret_rotated", "version", credentials.Version, "replaced", last.Version)
	}
}

// cooldown returns the time until the next fetch of AWSCURRENT is allowed, 0 if
// it is. The caller holds s.mu.
func (s *Store) cooldown(now time.Time) time.Duration {
	// One failure has none: INIT's fetch can fail just before the first call.
	pause := min(cmp.Or(s.Pause, defaultPause)<<min(max(s.failures-2, s.refusals.vain-1, 0), 5), maxPause)
	if s.failures == 1 || passed(s.lastFetch, now, pause) {
		return 0
	}
	return pause - now.Sub(s.lastFetch)
}

// passed reports whether d has passed since then. A time in the future counts as
// passed: after the clock was set back, nothing waits until it catches up.
func passed(then, now time.Time, d time.Duration) bool {
	since := now.Sub(then)
	return since < 0 || since >= d
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().Round(0) // the wall clock
}

func (s *Store) logger() *slog.Logger { return cmp.Or(s.Logger, slog.Default()) }

// asError returns err as an *Error, also if Fetch returned another one.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Failed, cause: err}
}
