// Package faultscript is the common part of the simulators atlastest and
// secrettest: a test server whose next answers can be replaced by faults.
package faultscript

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// keptCalls is the least number of calls that Requests returns. Older calls are
// dropped, so that a long test does not fill the memory.
const keptCalls = 10_000

// Server is an httptest.Server that records calls and answers them with
// scripted steps. Call is what it records of one.
type Server[Call any] struct {
	*httptest.Server
	end context.CancelFunc // ends the context of every request

	mu          sync.Mutex
	connections int
	next        []Step
	always      Step // nil: no fault
	calls       []Call
	recorded    int           // also counts the calls that were dropped
	arrived     chan struct{} // closed and replaced at each call
}

// NewUnstartedServer makes a server for handler, to be started by Begin. A nil
// listener is a free port of 127.0.0.1. With secure it has httptest's
// certificate and offers HTTP/2.
func NewUnstartedServer[Call any](listener net.Listener, secure bool, handler http.Handler) *Server[Call] {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	s := &Server[Call]{Server: httptest.NewUnstartedServer(handler), end: cancel, arrived: make(chan struct{})}
	if listener != nil {
		_ = s.Listener.Close()
		s.Listener = listener
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are part of the tests
	s.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connections++
		return ctx
	}
	s.EnableHTTP2 = secure
	return s
}

// Begin starts the server.
func (s *Server[Call]) Begin() {
	if s.EnableHTTP2 {
		s.StartTLS()
	} else {
		s.Start()
	}
}

// Close ends the calls that a step keeps waiting and stops the server.
func (s *Server[Call]) Close() {
	s.end()
	s.Server.Close()
}

// Connections returns how many connections were opened.
func (s *Server[Call]) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Script makes each of the steps answer one of the next calls.
func (s *Server[Call]) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, steps...)
}

// Always makes step answer every call for which Script has no step.
func (s *Server[Call]) Always(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = step
}

// Clear undoes Script and Always.
func (s *Server[Call]) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.always = nil, nil
}

// Play answers a request with the next step; ok is the answer without a fault.
func (s *Server[Call]) Play(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
	s.mu.Lock()
	step := s.always
	if len(s.next) > 0 {
		step, s.next = s.next[0], s.next[1:]
	}
	s.mu.Unlock()
	if step == nil {
		step = OK()
	}
	step(w, r, ok)
}

// Record adds a call to Requests.
func (s *Server[Call]) Record(call Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 2*keptCalls {
		s.calls = slices.Clone(s.calls[keptCalls:])
	}
	s.calls = append(s.calls, call)
	s.recorded++
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// Requests returns the calls in the order of their arrival. A call is in it
// before its answer begins.
func (s *Server[Call]) Requests() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// WaitRequests waits until n calls have arrived since the start.
func (s *Server[Call]) WaitRequests(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		recorded, arrived := s.recorded, s.arrived
		s.mu.Unlock()
		if recorded >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d calls arrived: %w", recorded, n, ctx.Err())
		}
	}
}
