package atlastest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// keptRequests is how many calls Requests remembers at least. Older ones are
// forgotten by the thousand, so that a simulator may run for days.
const keptRequests = 10_000

// Recorded is one call as it arrived.
type Recorded struct {
	Method, Path, RawQuery string
	Proto                  string      // "HTTP/1.1" or "HTTP/2.0"
	Host                   string      // of the Host header or :authority
	Header                 http.Header // x-atlas-client-secret as lower-case hexadecimal SHA-256
	Body                   string      // at most 64 KiB and a byte of it
	Connection             int         // 1 for the first connection opened, and so on; 0 unknown, under New
	Reused                 bool        // an earlier call came on the same connection
	Step                   string      // what answered, as Step.String gives it; "" for 404 and 405
}

type records struct {
	mu      sync.Mutex
	calls   []Recorded
	used    map[int]bool  // connections that have carried a call
	total   int           // calls ever recorded
	arrived chan struct{} // closed and replaced at each call; nil while nobody waits
}

func (r *records) add(call Recorded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used == nil {
		r.used = map[int]bool{}
	}
	call.Reused = r.used[call.Connection]
	if call.Connection != 0 {
		r.used[call.Connection] = true
	}
	if len(r.calls) == 2*keptRequests {
		r.calls = append(r.calls[:0], r.calls[keptRequests:]...)
	}
	r.calls = append(r.calls, call)
	r.total++
	if r.arrived != nil {
		close(r.arrived)
		r.arrived = nil
	}
}

// Requests returns the calls so far in order of arrival, those that got 404
// or 405 among them, visits to the portal not. A call is there before its
// answer begins. At least the newest 10,000 are kept.
func (s *Server) Requests() []Recorded {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	calls := make([]Recorded, len(s.records.calls))
	for i, call := range s.records.calls {
		call.Header = call.Header.Clone()
		calls[i] = call
	}
	return calls
}

// WaitRequests returns when n calls have arrived since the start, at once if
// they have, or with ctx's error. It lets a test act while a call hangs.
func (s *Server) WaitRequests(ctx context.Context, n int) error {
	r := &s.records
	for {
		r.mu.Lock()
		total := r.total
		if r.arrived == nil {
			r.arrived = make(chan struct{})
		}
		arrived := r.arrived
		r.mu.Unlock()
		if total >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("atlastest: %d of %d calls arrived: %w", total, n, ctx.Err())
		}
	}
}

func (s *Server) record(r *http.Request, body []byte, step string) {
	header := r.Header.Clone()
	for i, secret := range header.Values(headerSecret) {
		sum := sha256.Sum256([]byte(secret))
		header[http.CanonicalHeaderKey(headerSecret)][i] = hex.EncodeToString(sum[:])
	}
	call := Recorded{
		Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Proto: r.Proto, Host: r.Host,
		Header: header, Body: string(body), Step: step,
	}
	if c, ok := r.Context().Value(connectionKey{}).(connection); ok {
		call.Connection = c.number
	}
	s.records.add(call)
}

// connection is the connection that a request came on.
type connection struct {
	net.Conn
	number int
}

type connectionKey struct{}

// connections counts what the listener accepts.
type connections struct {
	mu    sync.Mutex
	count int
}

// number is the http.Server's ConnContext.
func (c *connections) number(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	return context.WithValue(ctx, connectionKey{}, connection{Conn: conn, number: c.count})
}

// Connections returns how many connections were opened since the start,
// those that never carried a call among them. It is 0 after New.
func (s *Server) Connections() int {
	s.conns.mu.Lock()
	defer s.conns.mu.Unlock()
	return s.conns.count
}
