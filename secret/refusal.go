package secret

import (
	"context"
	"slices"
	"time"
)

// refusals are those of one version, until there is a new version, a pause, or no
// more success of other calls.
type refusals struct {
	version string
	// since and last are the times of the first and the last. accepted is that of
	// the last success of a call with the same version that began after since; zero
	// if there was none.
	since, last, accepted time.Time
	// vain is the number of fetches for a refusal without a new version, after the
	// first seconds. pending is set by a refusal, until a fetch or a success.
	vain    int
	pending bool
}

// rotationTime is how long after the first refusal a call waits for the next
// fetch. In a rotation the new value follows within seconds; a secret that stays
// wrong must not slow every call. It is also how long a success counts.
const rotationTime = 10 * time.Second

// refused notes a refusal. oneOrder reports that other calls with the same
// version succeed, so that the refusal is about the order; mayWait, that the
// refusals are new.
func (r *refusals) refused(version string, now time.Time) (oneOrder, mayWait bool) {
	stale := !r.accepted.IsZero() && passed(r.accepted, now, rotationTime)
	if version != r.version || passed(r.last, now, maxPause) || stale {
		*r = refusals{version: version, since: now}
	}
	r.last, r.pending = now, true
	return !r.accepted.IsZero(), !passed(r.since, now, rotationTime)
}

// fetched notes that a fetch of AWSCURRENT found no new version.
func (r *refusals) fetched(now time.Time) {
	if r.pending && (!r.accepted.IsZero() || passed(r.since, now, rotationTime)) {
		r.vain++
	}
	r.pending = false
}

// Alternative returns credentials to try after Atlas refused the given versions,
// which are in the order of the tries. ok is false if there are none. It returns,
// in this order,
//
//   - a newer AWSCURRENT, which it fetches if Pause allows it, again if that fails,
//   - AWSPREVIOUS: the newest value can be wrong, or not yet known to Atlas,
//   - AWSCURRENT once more after a wait for the next fetch, if the refusals are
//     new: in a rotation the new value can follow within seconds.
//
// If other calls with the same version succeed, Atlas refuses the order and not
// the credentials, so only a newer AWSCURRENT is of use.
func (s *Store) Alternative(ctx context.Context, refused ...string) (other Credentials, ok bool) {
	s.mu.Lock()
	oneOrder, mayWait := s.refusals.refused(refused[0], s.now())
	if slices.Contains(refused, s.inUse().Version) {
		s.fallback = nil
	}
	s.mu.Unlock()
	if newest := s.newest(ctx, refused, time.Time{}); !slices.Contains(refused, newest.Version) {
		return newest, true
	}
	s.mu.Lock()
	current, lastFetch, cooldown, vain := s.current, s.lastFetch, s.cooldown(s.now()), s.refusals.vain
	s.mu.Unlock()
	// One fetch must have found no newer version: a rotation can come soon after
	// the refusals that began it.
	if ctx.Err() != nil || oneOrder && vain > 0 {
		return Credentials{}, false
	}
	if previous, err := s.previous(ctx); err == nil && !slices.Contains(refused, previous.Version) {
		previous.insteadOf = current.Version
		return previous, true
	}
	first := slices.Index(refused, current.Version)
	triedTwice := slices.Contains(refused[first+1:], current.Version)
	if triedTwice || !mayWait || !wait(ctx, cooldown) {
		return Credentials{}, false
	}
	newest := s.newest(ctx, refused, lastFetch)
	if newest.FetchedAt.Equal(current.FetchedAt) { // no fetch succeeded
		return Credentials{}, false
	}
	return newest, true
}

// newest returns what is in use. If that was refused, it fetches AWSCURRENT, if
// Pause allows it, again if that fails. The call has waited for the pause after
// the fetch at this time, by a clock that can be faster than the wall clock.
func (s *Store) newest(ctx context.Context, refused []string, waited time.Time) Credentials {
	for tries := 0; ; tries++ {
		s.mu.Lock()
		inUse, pause := s.inUse(), s.cooldown(s.now()) > 0 && !s.lastFetch.Equal(waited)
		s.mu.Unlock()
		if tries == 2 || pause || !slices.Contains(refused, inUse.Version) {
			return inUse
		}
		if fetched, err := s.share(ctx, StageCurrent); err == nil {
			return fetched
		}
	}
}

// previous returns AWSPREVIOUS. It fetches it once for each fetch of AWSCURRENT,
// so that lasting refusals do not read the secret at each call.
func (s *Store) previous(ctx context.Context) (Credentials, error) {
	s.mu.Lock()
	lastFetch, known := s.lastFetch, s.lastPrevious
	s.mu.Unlock()
	if known.after.Equal(lastFetch) {
		return known.credentials, known.err
	}
	credentials, err := s.share(ctx, StagePrevious)
	if ctx.Err() == nil {
		s.mu.Lock()
		last := &s.lastPrevious
		last.after, last.credentials, last.err = lastFetch, credentials, err
		s.mu.Unlock()
	}
	return credentials, err
}

// Accepted must be called when Atlas accepts the credentials. An accepted
// AWSPREVIOUS is used until AWSCURRENT is fetched again, unless that has
// happened already.
func (s *Store) Accepted(ctx context.Context, accepted Credentials) {
	s.mu.Lock()
	r, current := &s.refusals, s.current.Version
	if accepted.Version == r.version && accepted.taken.After(r.since) {
		r.accepted, r.pending = s.now(), false
	}
	fallback := accepted.insteadOf == current && s.fallback == nil
	if fallback {
		s.fallback = &accepted
	}
	s.mu.Unlock()
	if fallback {
		s.logger().ErrorContext(ctx, "Atlas refuses AWSCURRENT and accepts AWSPREVIOUS: the newest value is probably wrong; put the right one",
			"event", "secret_fallback", "current", current, "previous", accepted.Version)
	}
}

// wait waits for d and reports whether ctx lasts that long.
func wait(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(time.Now().Add(d)) {
		return false
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
