package atlas

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ahead is the connection that Connect opened for the first call.
type ahead struct {
	conn    atomic.Pointer[http.ClientConn]
	lastUse atomic.Int64 // of any connection, in Unix nanoseconds
}

// maxIdle is the longest time that a connection is kept unused. AWS's NAT
// gateways drop idle connections after 350 s (VPC user guide, "NAT gateways")
// and do not close them.
const maxIdle = 240 * time.Second

// now is the wall clock's time in Unix nanoseconds: the monotonic clock stops
// while Lambda freezes the process.
func (c *Client) now() int64 {
	if c.Now != nil {
		return c.Now().UnixNano()
	}
	return time.Now().UnixNano()
}

// Connect opens a connection to Atlas (DNS, TCP, TLS) for the next call, without
// a request, so that it is ready when the credentials are. A failure is not
// fatal: a call without a connection opens one.
func (c *Client) Connect(ctx context.Context) error {
	c.init()
	port := cmp.Or(c.BaseURL.Port(), map[string]string{"http": "80", "https": "443"}[c.BaseURL.Scheme])
	conn, err := c.transport.NewClientConn(ctx, c.BaseURL.Scheme, net.JoinHostPort(c.BaseURL.Hostname(), port))
	if err != nil {
		return transportError(ctx, err, false)
	}
	c.ahead.lastUse.Store(c.now())
	if old := c.ahead.conn.Swap(conn); old != nil {
		_ = old.Close()
	}
	return nil
}

// progress is what the transport reports of one request.
type progress struct {
	connected atomic.Bool // it had a connection
	reused    atomic.Bool // the connection was open before
}

// roundTrip sends the request on the connection opened ahead if that is free,
// else on one of the transport's. It sends it again if a connection turns out
// to be dead: net/http does so only over HTTP/1 and on connections of its pool.
func (c *Client) roundTrip(request *http.Request, sent *progress) (*http.Response, error) {
	now := c.now()
	// After the clock was set back, the idle time is unknown.
	if idle := time.Duration(now - c.ahead.lastUse.Swap(now)); idle > maxIdle || idle < 0 {
		c.CloseIdleConnections()
	}
	response, err := c.send(request, sent)
	if err == nil || !sent.reused.Load() || request.Context().Err() != nil {
		return response, err
	}
	again := request.Clone(request.Context())
	if again.Body, err = request.GetBody(); err != nil {
		return nil, err
	}
	sent.connected.Store(false)
	c.CloseIdleConnections()
	return c.transport.RoundTrip(again)
}

func (c *Client) send(request *http.Request, sent *progress) (*http.Response, error) {
	conn := c.ahead.conn.Load()
	if conn == nil || conn.Reserve() != nil { // it carries a call, or is closed
		return c.transport.RoundTrip(request)
	}
	sent.connected.Store(true)
	sent.reused.Store(true)
	return conn.RoundTrip(request)
}

// CloseIdleConnections closes each connection that carries no call, so that the
// next call resolves Atlas's name and connects again.
func (c *Client) CloseIdleConnections() {
	c.init()
	if conn := c.ahead.conn.Load(); conn != nil && conn.InFlight() == 0 && c.ahead.conn.CompareAndSwap(conn, nil) {
		_ = conn.Close()
	}
	c.transport.CloseIdleConnections()
}
