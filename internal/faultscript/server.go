// Package faultscript is the common part of the simulators atlastest and
// secrettest: a test server whose next answers can be replaced by faults.
package faultscript

import (
	"bytes"
	"context"
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

// Server is an httptest.Server that Open starts. It records calls, which are POST
// requests, and answers them with scripted steps.
type Server struct {
	*httptest.Server
	end context.CancelFunc // ends the context of every request

	mu          sync.Mutex
	connections int
	next        []Step
	always      Step
	calls       []Recorded
}

// Recorded is a call as it arrived.
type Recorded struct {
	Method, Path string
	Proto        string // "HTTP/1.1" or "HTTP/2.0"
	Header       http.Header
	Body         string
}

// Open starts the server. service answers the requests that are no calls, and the
// calls without a fault. A nil listener is a free port of 127.0.0.1. With secure
// the server has httptest's certificate and offers HTTP/2.
func (s *Server) Open(listener net.Listener, secure bool, service http.HandlerFunc) {
	ctx, end := context.WithCancel(context.Background())
	s.end, s.always = end, OK()
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			service(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client closed the connection
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.step(Recorded{r.Method, r.URL.Path, r.Proto, r.Header.Clone(), string(body)})(w, r, service)
	}))
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
	if s.EnableHTTP2 = secure; secure {
		s.StartTLS()
	} else {
		s.Start()
	}
}

// Close ends the calls that a step keeps waiting and stops the server.
func (s *Server) Close() {
	s.end()
	s.Server.Close()
}

// Connections returns how many connections were opened.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Script makes each of the steps answer one of the next calls.
func (s *Server) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, steps...)
}

// Always makes step answer every call for which Script has no step.
func (s *Server) Always(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = step
}

// Clear undoes Script and Always.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.always = nil, OK()
}

// step records a call and returns the step that answers it.
func (s *Server) step(call Recorded) Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 2*keptCalls {
		s.calls = slices.Clone(s.calls[keptCalls:])
	}
	s.calls = append(s.calls, call)
	if len(s.next) == 0 {
		return s.always
	}
	step := s.next[0]
	s.next = s.next[1:]
	return step
}

// Requests returns the calls in the order of their arrival. A call is in it
// before its answer begins.
func (s *Server) Requests() []Recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
