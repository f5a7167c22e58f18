package atlas

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// NewTransport returns the transport that a Client uses if it is given none:
// TLS 1.2 or newer, HTTP/2 if Atlas offers it, gzip, proxies from the
// environment, and a limit on each step of a connection.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    4 * time.Second,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(4)},
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        maxIdle,
		// A frozen process sends no pings: after the freeze they find a
		// connection that the network has dropped within seconds.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 2 * time.Second},
	}
}

// transportError explains in the client's own words why there was no reply. The
// transport's text is left out: it can quote the other side.
func transportError(ctx context.Context, err error, connected bool) *Error {
	e := &Error{Kind: ErrUnreachable, Retryable: true, cause: err}
	if ended(ctx) {
		e.Detail = "no connection before the attempt's deadline"
		if connected {
			e.Kind, e.Detail = ErrTimeout, "no reply before the attempt's deadline"
		}
		return e
	}
	var (
		dns       *net.DNSError
		timeout   net.Error
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Detail = "its host name does not exist in DNS; check the base URL"
	case errors.As(err, &dns):
		e.Detail = "its host name cannot be resolved; check the network's DNS"
	case errors.As(err, &untrusted), errors.As(err, &authority):
		e.Detail, e.Retryable = "its TLS certificate is not trusted for this host", false
	case errors.As(err, &record), errors.As(err, &alert):
		e.Detail = "the TLS handshake failed"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Detail = "the connection was refused; check the base URL's port and the allow-list of egress addresses"
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Detail = "connecting timed out; check the route to the internet and the allow-list of egress addresses"
	case !connected:
		e.Detail = "connecting failed"
	case strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "exceeded"):
		e.Kind, e.Detail = ErrMalformed, "the reply is not valid HTTP"
	default:
		e.Kind, e.Detail = ErrMalformed, "the connection was cut before the whole reply arrived"
	}
	return e
}

// bodyError explains why the body of a reply could not be read.
func bodyError(ctx context.Context, err error, status int) *Error {
	e := &Error{Kind: ErrMalformed, HTTPStatus: status, Retryable: true, cause: err}
	switch {
	case ended(ctx):
		e.Kind, e.Detail = ErrTimeout, "the reply's body did not arrive before the attempt's deadline"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		e.Detail = "the reply's body was cut short"
	default:
		e.Detail = "the reply's body cannot be read or decompressed"
	}
	return e
}

// ended reports whether ctx has ended. A dial can end at ctx's deadline a moment
// before ctx does.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}
