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

// NewTransport returns the transport that a Client uses when it is given none:
// TLS 1.2 or newer with session resumption, HTTP/2 when Atlas offers it, gzip
// by the transport, proxies from the environment, and bounds on each step so
// that a dead network is told from a slow Atlas.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{
			Timeout:   3 * time.Second,
			KeepAlive: 30 * time.Second,
		}).DialContext,
		TLSHandshakeTimeout: 4 * time.Second,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(4),
		},
		ForceAttemptHTTP2: true,
		// A frozen environment sends no pings; after the thaw a connection
		// that the network forgot is noticed by them within seconds.
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 2 * time.Second,
			PingTimeout:     2 * time.Second,
		},
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    64,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        maxIdle,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// transportError says in the client's own words why there was no reply. The
// transport's text is not repeated: it may quote what the other side sent.
func transportError(ctx context.Context, err error, connected bool) *Error {
	e := &Error{cause: err}
	if ctx.Err() != nil {
		if connected {
			e.Kind, e.Detail, e.Retryable = ErrTimeout, "no reply before the attempt's deadline", true
		} else {
			e.Kind, e.Detail, e.Retryable = ErrUnreachable, "no connection before the attempt's deadline", true
		}
		return e
	}
	e.Kind, e.Retryable = ErrUnreachable, true
	var (
		dns       *net.DNSError
		timeout   net.Error
		untrusted *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		authority x509.UnknownAuthorityError
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
	case connected:
		e.Kind, e.Detail = ErrMalformed, "the connection was cut before a whole reply came"
		if strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "exceeded") {
			e.Detail = "the reply is not HTTP as it should be"
		}
	default:
		e.Detail = "connecting failed"
	}
	return e
}

// bodyError says why a reply whose headers had come could not be read.
func bodyError(ctx context.Context, err error, status int) *Error {
	e := &Error{Kind: ErrMalformed, HTTPStatus: status, Retryable: true, cause: err}
	switch {
	case ctx.Err() != nil:
		e.Kind, e.Detail = ErrTimeout, "the reply's body did not come before the attempt's deadline"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		e.Detail = "the reply's body was cut short"
	default:
		e.Detail = "the reply's body cannot be read or decompressed"
	}
	return e
}
