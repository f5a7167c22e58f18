package console

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// Fault is one thing that can go wrong, to be switched on by a developer who
// wants to see what an operator sees then.
type Fault struct {
	// ID names the fault to the page.
	ID string `json:"id"`
	// Part is what breaks: none, atlas, secret, gateway or token.
	Part string `json:"part"`
	// Name says in a few words what goes wrong.
	Name string `json:"name"`
	// Answer is what callers are answered.
	Answer string `json:"answer"`
	// On switches the fault on; everything else works then. Nil: nothing to do
	// on this side.
	On func(context.Context) error `json:"-"`
}

// switches hold which fault is on.
type switches struct {
	origin string
	faults []Fault

	mu      sync.Mutex
	current string
}

func (s *switches) on() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// ServeHTTP switches the fault of the body's id on. Only the console's own page
// may: another origin's gets 403, and its JSON needs a preflight that is not
// answered.
func (s *switches) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != s.origin {
		http.Error(w, "only the console may switch faults", http.StatusForbidden)
		return
	}
	var asked struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&asked); err != nil {
		http.Error(w, `the body must be {"id": …}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range s.faults {
		if fault.ID != asked.ID {
			continue
		}
		if fault.On != nil {
			if err := fault.On(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		s.current = fault.ID
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Error(w, "no such fault", http.StatusNotFound)
}
