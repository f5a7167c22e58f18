package atlas

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"
)

// maxIdle is the longest time that a connection is kept unused. AWS's NAT
// gateways drop idle connections after 350 s (VPC user guide, "NAT gateways")
// and do not close them.
const maxIdle = 240 * time.Second

// NewTransport returns a transport for Atlas: TLS 1.2 or newer, HTTP/2 if Atlas
// offers it, gzip, proxies from the environment, and a limit on each step of a
// connection.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		TLSHandshakeTimeout:    4 * time.Second,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        maxIdle,
		// A frozen process sends no pings: after the freeze they find a
		// connection that the network has dropped within seconds.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 2 * time.Second},
	}
}

var defaultTransport = NewTransport()

func (c *Client) transport() *http.Transport { return cmp.Or(c.Transport, defaultTransport) }

// now is the wall clock's time in Unix nanoseconds: the monotonic clock stops
// while Lambda freezes the process.
func (c *Client) now() int64 {
	if c.Now != nil {
		return c.Now().UnixNano()
	}
	return time.Now().UnixNano()
}

// Connect opens a connection to Atlas (DNS, TCP, TLS) for the next call, without
// a request, so that it is ready when the credentials are. Call it once. A
// failure is not fatal: a call without a connection opens one.
func (c *Client) Connect(ctx context.Context) error {
	address := net.JoinHostPort(c.BaseURL.Hostname(), c.BaseURL.Port())
	conn, err := c.transport().NewClientConn(ctx, c.BaseURL.Scheme, address)
	if err != nil {
		return noReply(ctx, err, false, 0)
	}
	c.lastUse.Store(c.now())
	c.ahead.Store(conn)
	return nil
}

// roundTrip sends the request on the connection opened ahead if that is free,
// else on one of the transport's. It sends it again if a connection turns out
// to be dead: net/http does so only over HTTP/1 and on connections of its pool.
func (c *Client) roundTrip(ctx context.Context, request *http.Request) (response *http.Response, err error) {
	now := c.now()
	// After the clock was set back, the idle time is unknown.
	if idle := time.Duration(now - c.lastUse.Swap(now)); idle > maxIdle || idle < 0 {
		c.CloseIdleConnections()
	}
	var connected, reused atomic.Bool
	request = request.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		connected.Store(true)
		reused.Store(info.Reused)
	}}))
	if conn := c.ahead.Load(); conn != nil && conn.Reserve() == nil { // it carries no call, and is not closed
		connected.Store(true)
		reused.Store(true)
		response, err = conn.RoundTrip(request)
	} else {
		response, err = c.transport().RoundTrip(request)
	}
	if err != nil && reused.Load() && ctx.Err() == nil {
		connected.Store(false)
		request = request.Clone(request.Context()) // the transport may still hold the old one
		request.Body, _ = request.GetBody()        // of bytes in memory
		c.CloseIdleConnections()
		response, err = c.transport().RoundTrip(request)
	}
	if err != nil {
		return nil, noReply(ctx, err, connected.Load(), 0)
	}
	return response, nil
}

// CloseIdleConnections closes each connection that carries no call, so that the
// next call resolves Atlas's name and connects again.
func (c *Client) CloseIdleConnections() {
	if conn := c.ahead.Load(); conn != nil && conn.InFlight() == 0 && c.ahead.CompareAndSwap(conn, nil) {
		_ = conn.Close()
	}
	c.transport().CloseIdleConnections()
}

// noReply explains in the client's own words why there is no whole reply. The
// transport's text is left out: it can quote the other side. status is 0 if no
// headers arrived.
func noReply(ctx context.Context, err error, connected bool, status int) *Error {
	e := &Error{Kind: ErrUnreachable, HTTPStatus: status, Retryable: true, cause: err}
	// A dial can end at ctx's deadline a moment before ctx does.
	deadline, ok := ctx.Deadline()
	ended := ctx.Err() != nil || ok && !time.Now().Before(deadline)
	var (
		dns       *net.DNSError
		untrusted *tls.CertificateVerificationError
		timeout   net.Error
	)
	switch {
	case ended && connected:
		e.Kind, e.Detail = ErrTimeout, "no whole reply before the attempt's deadline"
	case ended:
		e.Detail = "no connection before the attempt's deadline"
	case connected:
		e.Kind, e.Detail = ErrMalformed, "it is cut short, or it is not valid HTTP"
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Detail = "its host name does not exist in DNS; check the base URL"
	case errors.As(err, &dns):
		e.Detail = "its host name cannot be resolved; check the network's DNS"
	case errors.As(err, &untrusted):
		e.Detail, e.Retryable = "its TLS certificate is not trusted for this host", false
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Detail = "the connection was refused; check the base URL's port and the allow-list of egress addresses"
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Detail = "connecting timed out; check the route to the internet and the allow-list of egress addresses"
	default:
		e.Detail = "the connection or its TLS handshake failed"
	}
	return e
}
