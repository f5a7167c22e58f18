package secrettest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Server is a running simulator. Its methods may be called at any time, from
// any goroutine.
type Server struct {
	// URL is the endpoint, http://host:port. Empty after New.
	URL string
	// ARN is the secret's complete ARN.
	ARN string

	options  Options
	versions *versions
	http     *httptest.Server // nil when made by New
	closing  chan struct{}    // closed by Close: ends every wait
	close    sync.Once

	mu      sync.Mutex
	next    []Step
	always  *Step
	calls   []Recorded
	arrived chan struct{} // closed and replaced at each call; nil while nobody waits
}

// NewServer starts a simulator on Options.Addr. It panics, as httptest does,
// when it cannot listen there. The caller should call Close.
func NewServer(o *Options) *Server {
	s := New(o)
	addr := s.options.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		panic(fmt.Sprintf("secrettest: cannot listen: %v", err))
	}
	s.http = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: s.Handler(), ErrorLog: log.New(io.Discard, "", 0)},
	}
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// New returns a simulator that does not listen, for a program that serves
// Handler itself. The caller should call Close, which ends calls that wait.
func New(o *Options) *Server {
	full := o.withDefaults()
	arn := "arn:aws:secretsmanager:" + Region + ":" + account + ":secret:" + full.Name + suffix
	s := &Server{
		ARN:      arn,
		options:  full,
		versions: &versions{arn: arn, now: full.Now},
		closing:  make(chan struct{}),
	}
	if !full.NoValue {
		s.Put(full.Value)
	}
	return s
}

// Close ends every call that waits, stops listening and returns when all
// calls have ended.
func (s *Server) Close() {
	s.close.Do(func() { close(s.closing) })
	if s.http != nil {
		s.http.Close()
	}
}

// Put makes a new version with this value, moves AWSCURRENT to it and
// AWSPREVIOUS to the one before, and returns its version id.
func (s *Server) Put(value string) (versionID string) {
	return s.PutStaged(value)
}

// PutStaged makes a new version with this value and these staging labels,
// AWSPENDING for one, and returns its version id. No label means AWSCURRENT;
// the first version always gets AWSCURRENT too.
func (s *Server) PutStaged(value string, stages ...string) (versionID string) {
	v, _ := s.versions.put("", content{text: &value}, stages...) // a new id cannot be in use
	return v.id
}

// PutBinary makes a new current version with bytes in place of text and
// returns its version id.
func (s *Server) PutBinary(value []byte) (versionID string) {
	v, _ := s.versions.put("", content{binary: value})
	return v.id
}

// Recorded is one call as it arrived, without the secret's value.
type Recorded struct {
	Operation    string // "GetSecretValue" and the like
	SecretID     string // as the caller named the secret
	VersionID    string // of GetSecretValue, "" if not given
	VersionStage string // of GetSecretValue, "" if not given
	Step         string // what answered, as Step.String gives it
}

// Requests returns the calls so far in order of arrival, those without a
// signature or with an unreadable body excepted. A call is there before its
// answer begins.
func (s *Server) Requests() []Recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Recorded(nil), s.calls...)
}

// WaitRequests returns when n calls have arrived since the start, at once if
// they have, or with ctx's error. It lets a test act while a call hangs.
func (s *Server) WaitRequests(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		total := len(s.calls)
		if s.arrived == nil {
			s.arrived = make(chan struct{})
		}
		arrived := s.arrived
		s.mu.Unlock()
		if total >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("secrettest: %d of %d calls arrived: %w", total, n, ctx.Err())
		}
	}
}

// begin records a call and returns the step that answers it.
func (s *Server) begin(call Recorded) Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := OK()
	switch {
	case len(s.next) > 0:
		step, s.next = s.next[0], s.next[1:]
	case s.always != nil:
		step = *s.always
	}
	call.Step = step.String()
	s.calls = append(s.calls, call)
	if s.arrived != nil {
		close(s.arrived)
		s.arrived = nil
	}
	return step
}

// Script appends steps to those that answer the next calls, one a call,
// whatever the operation. Calls after the last are answered by what Always
// said or as the service does.
func (s *Server) Script(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next[:len(s.next):len(s.next)], steps...)
}

// Always makes step answer every call that no Script step answers, until
// Always or Clear is called.
func (s *Server) Always(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = &step
}

// Clear forgets what Script and Always said.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.always = nil, nil
}
