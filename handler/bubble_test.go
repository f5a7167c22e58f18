package handler_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
)

// inBubble runs a test in a synctest bubble, whose clock moves only when all
// wait: waiting costs nothing, and the times are exact. Atlas's simulator is
// reached through pipes in memory, since the clock would stand still for whoever
// waits for a network.
func inBubble(t *testing.T, test func(*testing.T, *broker), options ...func(*handler.Config)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipes := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		simulator := atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret, Listener: pipes})
		overPipes := func(c *handler.Config) { c.Account.Atlas.Transport = &http.Transport{DialContext: pipes.dial} }
		test(t, newBrokerOn(t, simulator, append(options, overPipes)...))
	})
}

// pipes is a listener and its dialer, in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the other end of what is dialed next.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (p *pipes) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

// Addr is no address: it is asked for by logs alone.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "atlas.example.com"} }

// took returns what a call came to and how long it took, given so much time.
func (b *broker) took(d time.Duration) (code string, took time.Duration) {
	b.t.Helper()
	began := time.Now()
	code = b.within(d)
	return code, time.Since(began)
}
