package handler_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
)

// inBubble runs a test in a synctest bubble, whose clock advances only while all
// goroutines wait: times are exact. The clock does not advance while a goroutine
// waits for a network, so Atlas's simulator is reached through pipes in memory.
func inBubble(t *testing.T, test func(*testing.T, *broker), options ...func(*handler.Config)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pipes := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		simulator := atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret, Listener: pipes})
		overPipes := func(c *handler.Config) {
			c.Accounts["default"].Atlas.Transport = &http.Transport{DialContext: pipes.dial}
		}
		test(t, newBrokerOn(t, simulator, append([]func(*handler.Config){overPipes}, options...)...))
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

// Accept returns the server side of the next connection.
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

// Addr is only for logs.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "atlas.example.com"} }
