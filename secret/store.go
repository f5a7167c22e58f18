package secret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Store holds the credentials of one Atlas account. Fetch is required; every
// other field has a default. It is safe for use by several goroutines and must
// not be copied after its first use.
//
// Lambda freezes a process between calls, so nothing here runs on a timer: a
// refresh starts with a call and runs beside it. Ages are told from the wall
// clock, since the monotonic clock stands still while the process is frozen.
type Store struct {
	// Fetch reads the version that bears the stage's label.
	// (*SecretsManager).Fetch is one.
	Fetch func(ctx context.Context, stage string) (Credentials, error)
	// TTL is the age at which the credentials are refreshed, beside a running
	// call. Zero means 5 minutes.
	TTL time.Duration
	// Timeout bounds one fetch. Zero means 4 seconds.
	Timeout time.Duration
	// Pause is the least time between two fetches that a refusal or a failure
	// causes. Zero means 1 second. After one failure there is none; after more
	// in a row it doubles, up to 30 seconds.
	Pause time.Duration
	// Now tells the wall clock's time. Nil means time.Now without its
	// monotonic reading.
	Now func() time.Time
	// Logger is told of fetches that fail and of fallbacks. Nil means
	// slog.Default().
	Logger *slog.Logger

	flight singleflight.Group

	mu       sync.Mutex
	current  Credentials // zero until a fetch succeeded
	lastTry  time.Time
	lastErr  error // of the newest fetch of AWSCURRENT
	failures int   // in a row
	// older is AWSPREVIOUS, or why there is none, as fetched after the fetch of
	// AWSCURRENT that ended at that time.
	older struct {
		of          time.Time
		credentials Credentials
		err         error
	}
	// fallback is the AWSPREVIOUS that Atlas takes while it refuses current.
	fallback *Credentials
	// refusedSince is when Atlas began to refuse everything we have; zero
	// while it does not.
	refusedSince time.Time
}

const (
	defaultTTL     = 5 * time.Minute
	defaultTimeout = 4 * time.Second
	defaultPause   = time.Second
	maxPause       = 30 * time.Second
	// patience is how long after Atlas began to refuse a call waits for the
	// next fetch that Pause permits. In a rotation the new value follows
	// within seconds; a secret that stays wrong must not slow every call.
	patience = 10 * time.Second
)

// Get returns the credentials to call Atlas with. It waits for a fetch only
// when there are none yet. The error is an *Error, or ctx's.
func (s *Store) Get(ctx context.Context) (Credentials, error) {
	now := s.now()
	s.mu.Lock()
	have, use := s.current, s.current
	if s.fallback != nil {
		use = *s.fallback
	}
	held := s.heldBack(now)
	lastErr := s.lastErr
	s.mu.Unlock()

	switch {
	case !have.held() && held > 0:
		return Credentials{}, withRetryAfter(lastErr, held)
	case !have.held():
		return s.share(ctx, StageCurrent)
	case now.Sub(have.FetchedAt) >= or(s.TTL, defaultTTL) && held <= 0:
		s.flight.DoChan(StageCurrent, s.fetchCurrent) // beside this call
	}
	return use, nil
}

// Other returns credentials to try after Atlas refused the versions given, in
// the order tried. ok is false when there are none. In turn it offers
//
//   - a newer AWSCURRENT, fetched at once if Pause permits a fetch,
//   - AWSPREVIOUS: the value put last may be wrong, or Atlas may not know it yet,
//   - while refusals are new, after the wait for the next fetch that Pause
//     permits, AWSCURRENT again, once, though it may be the version that was
//     refused: in a rotation the other half of the change follows within seconds.
func (s *Store) Other(ctx context.Context, refused ...string) (other Credentials, ok bool) {
	asked := s.now()
	s.mu.Lock()
	if s.refusedSince.IsZero() {
		s.refusedSince = asked
	}
	if s.fallback != nil && slices.Contains(refused, s.fallback.Version) {
		s.fallback = nil
	}
	held := s.heldBack(asked)
	current := s.current
	patient := asked.Sub(s.refusedSince) < patience
	s.mu.Unlock()

	if !slices.Contains(refused, current.Version) {
		return current, true
	}
	if held <= 0 {
		fetched, err := s.share(ctx, StageCurrent)
		if err != nil {
			return Credentials{}, false
		}
		if !slices.Contains(refused, fetched.Version) {
			return fetched, true
		}
		s.mu.Lock()
		held = s.heldBack(s.lastTry)
		s.mu.Unlock()
	}
	if previous, err := s.previous(ctx); err == nil && !slices.Contains(refused, previous.Version) {
		return previous, true
	}
	if again := count(refused, current.Version) > 1; again || !patient || !pause(ctx, held) {
		return Credentials{}, false
	}
	return s.fetchedSince(ctx, asked)
}

// fetchedSince returns AWSCURRENT as it was fetched after asked, by this call or
// by one beside it.
func (s *Store) fetchedSince(ctx context.Context, asked time.Time) (Credentials, bool) {
	s.mu.Lock()
	current, done := s.current, s.lastTry.After(asked) && s.lastErr == nil
	s.mu.Unlock()
	if done {
		return current, true
	}
	current, err := s.share(ctx, StageCurrent)
	return current, err == nil
}

// previous returns AWSPREVIOUS, which it fetches once for every fetch of
// AWSCURRENT: a refusal that lasts must not read the secret at every call.
func (s *Store) previous(ctx context.Context) (Credentials, error) {
	s.mu.Lock()
	generation := s.lastTry
	known := s.older
	s.mu.Unlock()
	if known.of.Equal(generation) {
		return known.credentials, known.err
	}
	credentials, err := s.share(ctx, StagePrevious)
	if ctx.Err() == nil {
		s.mu.Lock()
		s.older.of, s.older.credentials, s.older.err = generation, credentials, err
		s.mu.Unlock()
	}
	return credentials, err
}

// Accepted is told that Atlas took the credentials. An AWSPREVIOUS that Atlas
// takes is used until AWSCURRENT is fetched anew.
func (s *Store) Accepted(ctx context.Context, accepted Credentials) {
	s.mu.Lock()
	s.refusedSince = time.Time{}
	fallback := accepted.Stage == StagePrevious && s.fallback == nil && s.current.Version != accepted.Version
	if fallback {
		s.fallback = &accepted
	}
	current := s.current.Version
	s.mu.Unlock()
	if fallback {
		s.logger().ErrorContext(ctx, "Atlas refuses AWSCURRENT and takes AWSPREVIOUS: the value put last is probably wrong; put the right one",
			"event", "secret_fallback", "current", current, "previous", accepted.Version)
	}
}

// share fetches the stage's version together with whoever else is asking for
// it, and waits no longer than ctx.
func (s *Store) share(ctx context.Context, stage string) (Credentials, error) {
	fetch := s.fetchCurrent
	if stage != StageCurrent {
		fetch = func() (any, error) { return s.fetch(stage) }
	}
	select {
	case result := <-s.flight.DoChan(stage, fetch):
		if result.Err != nil {
			return Credentials{}, result.Err
		}
		return result.Val.(Credentials), nil
	case <-ctx.Done():
		return Credentials{}, failure(Unreachable, ctx.Err())
	}
}

// fetch is bounded by Timeout alone: those who wait for it come and go. A
// panic in it would end the process, past every caller's recover.
func (s *Store) fetch(stage string) (credentials Credentials, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), or(s.Timeout, defaultTimeout))
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			credentials, err = Credentials{}, failure(Failed, fmt.Errorf("panic: %T", recovered))
		}
	}()
	credentials, err = s.Fetch(ctx, stage)
	if err == nil {
		credentials.FetchedAt = s.now()
	}
	return credentials, err
}

func (s *Store) fetchCurrent() (any, error) {
	credentials, err := s.fetch(StageCurrent)
	now := s.now()

	s.mu.Lock()
	s.lastTry = now
	s.lastErr = err
	last := s.current
	if err != nil {
		s.failures++
	} else {
		s.failures = 0
		s.current = credentials
		if credentials.Version != last.Version {
			s.refusedSince = time.Time{}
		}
		s.fallback = nil
	}
	s.mu.Unlock()

	switch {
	case err != nil && last.held():
		s.logger().Warn("the secret cannot be refreshed; the last good version goes on working: "+err.Error(),
			"event", "secret_stale", "reason", reason(err), "version", last.Version, "ageSeconds", int(now.Sub(last.FetchedAt).Seconds()))
	case err != nil:
		s.logger().Error(err.Error(), "event", "secret_unavailable", "reason", reason(err))
	case last.held() && last.Version != credentials.Version:
		s.logger().Info("a new version of the secret is in use", "event", "secret_rotated", "version", credentials.Version, "replaced", last.Version)
	}
	return credentials, err
}

// heldBack returns how long it is until another fetch of AWSCURRENT is
// permitted, 0 or less when it is now. The caller holds s.mu.
func (s *Store) heldBack(now time.Time) time.Duration {
	if s.lastTry.IsZero() {
		return 0
	}
	if s.failures == 1 {
		// INIT's fetch may have failed a moment ago, and here is the first call.
		return 0
	}
	wait := or(s.Pause, defaultPause) << min(max(s.failures-2, 0), 5)
	return min(wait, maxPause) - now.Sub(s.lastTry)
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().Round(0) // the wall clock: see Store
}

func (s *Store) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// pause waits for d and reports whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func withRetryAfter(err error, wait time.Duration) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	copied := *e
	copied.RetryAfter = wait
	return &copied
}

func reason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return string(e.Reason)
	}
	return string(Failed)
}

func count(versions []string, version string) (n int) {
	for _, v := range versions {
		if v == version {
			n++
		}
	}
	return n
}

func or(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}
