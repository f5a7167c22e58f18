package secret

import (
	"context"
	"slices"
	"time"
)

// refusals is what the store knows about refused versions.
type refusals struct {
	// version was refused first at since and last at last. At accepted, a call
	// with it succeeded that began after since; zero if none did.
	version               string
	since, last, accepted time.Time
	// vain is the number of fetches for a refusal without a new version, after the
	// first seconds. pending is set by a refusal, until a fetch or a success.
	vain    int
	pending bool
	// fallback is the AWSPREVIOUS that Atlas accepts while it refuses AWSCURRENT.
	fallback *Credentials
	// previous is the result of the last fetch of AWSPREVIOUS, which came after
	// the fetch of AWSCURRENT with this number.
	previous struct {
		generation  int
		credentials Credentials
		err         error
	}
}

// rotationTime is how long after the first refusal a call waits for the next
// fetch. In a rotation the new value follows within seconds; a secret that stays
// wrong must not slow every call. It is also how long a success counts.
const rotationTime = 10 * time.Second

// refused notes a refusal. oneOrder reports that other calls with the same
// version succeed, so that the refusal is about the order; mayWait, that the
// refusals are new.
func (r *refusals) refused(versions []string, now time.Time) (oneOrder, mayWait bool) {
	if r.fallback != nil && slices.Contains(versions, r.fallback.Version) {
		r.fallback = nil
	}
	stale := r.accepted.After(r.since) && passed(r.accepted, now, rotationTime)
	if versions[0] != r.version || passed(r.last, now, maxPause) || stale {
		r.version, r.since, r.accepted, r.vain = versions[0], now, time.Time{}, 0
	}
	r.last, r.pending = now, true
	return r.accepted.After(r.since), !passed(r.since, now, rotationTime)
}

// fetched notes a successful fetch of AWSCURRENT.
func (r *refusals) fetched(newVersion bool, now time.Time) {
	pending := r.pending
	r.fallback, r.pending = nil, false
	switch {
	case newVersion:
		r.version = ""
		r.vain = 0
	case !pending: // a refresh by age
	case r.accepted.After(r.since) || passed(r.since, now, rotationTime):
		r.vain++
	}
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
	now := s.now()
	s.mu.Lock()
	oneOrder, mayWait := s.refusals.refused(refused, now)
	inUse := s.inUse()
	s.mu.Unlock()
	if slices.Contains(refused, inUse.Version) {
		inUse = s.fetchAgain(ctx)
	}
	if !slices.Contains(refused, inUse.Version) {
		return inUse, true
	}
	now = s.now()
	s.mu.Lock()
	current, generation, cooldown, vain := s.current, s.generation, s.cooldown(now), s.refusals.vain
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
	return s.fetchedAfter(ctx, generation)
}

// fetchAgain fetches AWSCURRENT if Pause allows it, again if that fails, and
// returns what is in use then.
func (s *Store) fetchAgain(ctx context.Context) Credentials {
	for tries := 0; ; tries++ {
		now := s.now()
		s.mu.Lock()
		inUse, cooldown := s.inUse(), s.cooldown(now)
		s.mu.Unlock()
		if tries == 2 || cooldown > 0 {
			return inUse
		}
		if fetched, err := s.share(ctx, StageCurrent); err == nil {
			return fetched
		}
	}
}

// fetchedAfter returns AWSCURRENT from a fetch after the given one, by this call
// or by another.
func (s *Store) fetchedAfter(ctx context.Context, generation int) (Credentials, bool) {
	s.mu.Lock()
	current, fetched := s.current, s.generation > generation
	s.mu.Unlock()
	if fetched {
		return current, true
	}
	current, err := s.share(ctx, StageCurrent)
	return current, err == nil
}

// previous returns AWSPREVIOUS. It fetches it once for each fetch of AWSCURRENT,
// so that lasting refusals do not read the secret at each call.
func (s *Store) previous(ctx context.Context) (Credentials, error) {
	s.mu.Lock()
	generation, known := s.generation, s.refusals.previous
	s.mu.Unlock()
	if known.generation == generation {
		return known.credentials, known.err
	}
	credentials, err := s.share(ctx, StagePrevious)
	if ctx.Err() == nil {
		s.mu.Lock()
		p := &s.refusals.previous
		p.generation, p.credentials, p.err = generation, credentials, err
		s.mu.Unlock()
	}
	return credentials, err
}

// Accepted must be called when Atlas accepts the credentials. An accepted
// AWSPREVIOUS is used until AWSCURRENT is fetched again, unless that has
// happened already.
func (s *Store) Accepted(ctx context.Context, accepted Credentials) {
	now := s.now()
	s.mu.Lock()
	r, current := &s.refusals, s.current.Version
	if accepted.Version == r.version && accepted.taken.After(r.since) {
		r.accepted, r.pending = now, false
	}
	fallback := accepted.insteadOf == current && r.fallback == nil
	if fallback {
		r.fallback = &accepted
	}
	s.mu.Unlock()
	if fallback {
		s.logger().ErrorContext(ctx, "Atlas refuses AWSCURRENT and accepts AWSPREVIOUS: the newest value is probably wrong; put the right one",
			"event", "secret_fallback", "current", current, "previous", accepted.Version)
	}
}

// wait waits for d and reports whether ctx lasts that long.
func wait(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
