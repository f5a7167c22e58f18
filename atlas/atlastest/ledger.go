package atlastest

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// Why a ticket is not good.
var (
	errUnknown = errors.New("unknown")
	errUsed    = errors.New("used")
	errExpired = errors.New("expired")
)

// visit is who is signed in, in which role, at which order.
type visit struct{ OrderNo, UserName, Role string }

// ledger issues tickets for visits and knows them again by their SHA-256: a
// copy of its memory opens nothing.
type ledger struct {
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex
	entries map[[sha256.Size]byte]entry
	tidyAt  int // entries at which the old ones are thrown away
}

type entry struct {
	visit   visit
	expires time.Time
	used    bool
}

func newLedger(ttl time.Duration, now func() time.Time) *ledger {
	return &ledger{ttl: ttl, now: now, entries: map[[sha256.Size]byte]entry{}, tidyAt: 1024}
}

// issue returns a new ticket, at least 128 random bits as text.
func (l *ledger) issue(v visit) string {
	ticket := rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.entries) >= l.tidyAt {
		// Expired entries stay for as long again, so that their holders
		// learn what happened.
		for key, e := range l.entries {
			if now.After(e.expires.Add(l.ttl)) {
				delete(l.entries, key)
			}
		}
		l.tidyAt = max(1024, 2*len(l.entries))
	}
	l.entries[sha256.Sum256([]byte(ticket))] = entry{visit: v, expires: now.Add(l.ttl)}
	return ticket
}

// spend uses a ticket up: of any number of calls with the same ticket one
// gets the visit, the others errUsed. Otherwise errExpired or errUnknown.
func (l *ledger) spend(ticket string) (visit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := sha256.Sum256([]byte(ticket))
	e, err := l.find(key)
	if err != nil {
		return visit{}, err
	}
	e.used = true
	l.entries[key] = e
	return e.visit, nil
}

// look returns the visit of a ticket and leaves it usable.
func (l *ledger) look(ticket string) (visit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.find(sha256.Sum256([]byte(ticket)))
	return e.visit, err
}

func (l *ledger) find(key [sha256.Size]byte) (entry, error) {
	e, known := l.entries[key]
	switch {
	case !known:
		return entry{}, errUnknown
	case e.used:
		return entry{}, errUsed
	case !l.now().Before(e.expires):
		return entry{}, errExpired
	}
	return e, nil
}
