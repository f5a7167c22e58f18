package atlastest

import (
	"slices"
	"sync"
)

// script says which step answers the next call.
type script struct {
	mu     sync.Mutex
	next   []Step
	always *Step
}

// take returns the next scripted step or, without one, what Always said or OK.
func (s *script) take() Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.next) > 0 {
		step := s.next[0]
		s.next = s.next[1:]
		return step
	}
	if s.always != nil {
		return *s.always
	}
	return OK()
}

// Script appends steps to those that answer the next calls of
// getAtripToken.do, one a call. Calls after the last are answered by what
// Always said, or judged as OK describes.
func (s *Server) Script(steps ...Step) {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	s.script.next = append(slices.Clip(s.script.next), steps...)
}

// Always makes step answer every call that no Script step answers, until
// Always or Clear is called.
func (s *Server) Always(step Step) {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	s.script.always = &step
}

// Clear forgets what Script and Always said.
func (s *Server) Clear() {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	s.script.next, s.script.always = nil, nil
}

// Remaining returns how many Script steps have not been used.
func (s *Server) Remaining() int {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	return len(s.script.next)
}
