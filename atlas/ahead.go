package atlas

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ahead is the connection that Connect opened before the first call needs it.
type ahead struct {
	// transport dials it. It is a copy of the client's own without the limit
	// on connections per host: net/http does not count a ClientConn when it is
	// made, counts it when it is closed, and panics on the difference (seen
	// with Go 1.26.8; a test of this package shows it).
	transport *http.Transport
	conn      atomic.Pointer[http.ClientConn]
	lastUse   atomic.Int64 // wall clock, Unix nanoseconds
}

// maxIdle is how long a connection may lie unused before it is given up
// without a try. AWS's NAT gateways drop idle connections after 350 s (VPC
// user guide, "NAT gateways"), most load balancers much earlier: those are
// noticed when they close their side. A NAT forgets silently.
const maxIdle = 240 * time.Second

// wallClock returns the time in nanoseconds since the Unix epoch. A frozen
// Lambda environment's monotonic clock stands still, so ages across calls are
// told from the wall clock.
func wallClock() int64 { return time.Now().UnixNano() }

// Connect opens a connection to Atlas (DNS, TCP, TLS) and keeps it for the
// next calls. It sends no request. It is for the time when the credentials are
// still being fetched; a failure is not fatal, since every call connects by
// itself when it finds no connection.
func (c *Client) Connect(ctx context.Context) error {
	c.init()
	port := c.BaseURL.Port()
	if port == "" {
		port = c.BaseURL.Scheme // net knows http and https as services
		if port == "https" {
			port = "443"
		} else {
			port = "80"
		}
	}
	conn, err := c.ahead.transport.NewClientConn(ctx, c.BaseURL.Scheme, net.JoinHostPort(c.BaseURL.Hostname(), port))
	if err != nil {
		return transportError(ctx, err, false)
	}
	c.ahead.lastUse.Store(wallClock())
	if old := c.ahead.conn.Swap(conn); old != nil {
		_ = old.Close()
	}
	return nil
}

// progress is what the transport tells of one sending of a request.
type progress struct {
	connected atomic.Bool // it had a connection
	reused    atomic.Bool // which had carried, or waited for, another
}

// roundTrip sends the request on the connection opened ahead when that is free
// and alive, else through the transport's pool. A connection that proves dead
// costs a second sending. net/http replays over HTTP/1 by itself; over HTTP/2,
// and on a connection that it did not pool, it leaves that to the caller.
func (c *Client) roundTrip(request *http.Request, sent *progress) (*http.Response, error) {
	now := wallClock()
	if idle := time.Duration(now - c.ahead.lastUse.Swap(now)); idle > maxIdle {
		c.CloseIdleConnections()
	}
	response, err := c.send(request, sent)
	if err == nil || !sent.reused.Load() || request.Context().Err() != nil {
		return response, err
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, err
	}
	again := request.Clone(request.Context())
	again.Body = body
	sent.connected.Store(false)
	c.CloseIdleConnections()
	return c.transport.RoundTrip(again)
}

// send sends the request once, as far as the client can tell.
func (c *Client) send(request *http.Request, sent *progress) (*http.Response, error) {
	conn := c.ahead.conn.Load()
	if conn != nil && conn.Err() != nil && c.ahead.conn.CompareAndSwap(conn, nil) {
		_ = conn.Close()
		conn = nil
	}
	if conn == nil || conn.Reserve() != nil {
		return c.transport.RoundTrip(request)
	}
	sent.connected.Store(true)
	sent.reused.Store(true)
	return conn.RoundTrip(request)
}

// CloseIdleConnections closes every connection that carries no call, so that
// the next call resolves Atlas's name and connects anew.
func (c *Client) CloseIdleConnections() {
	c.init()
	if conn := c.ahead.conn.Load(); conn != nil && conn.InFlight() == 0 && c.ahead.conn.CompareAndSwap(conn, nil) {
		_ = conn.Close()
	}
	c.transport.CloseIdleConnections()
}
