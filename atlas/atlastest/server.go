package atlastest

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
)

// Server is a running simulator. Its methods may be called at any time, from
// any goroutine.
type Server struct {
	// URL is the base URL for Atlas's clients, without a trailing slash:
	// where the server listens or, made by New, Options.PublicURL.
	URL string

	options Options
	public  *url.URL // what minted urls begin with

	http     *httptest.Server // nil when made by New
	closing  chan struct{}    // closed by Close: ends every wait
	close    sync.Once
	conns    connections
	script   script
	records  records
	links    *ledger // single-use links, by token
	sessions *ledger // signed-in browsers, by cookie

	mu       sync.Mutex
	accepted []hashed
}

// NewServer starts a simulator on Options.Addr. It panics, as httptest does,
// when it cannot listen there or when PublicURL is not usable. The caller
// should call Close.
func NewServer(o *Options) *Server {
	s := newServer(o)
	addr := s.options.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		panic(fmt.Sprintf("atlastest: cannot listen: %v", err))
	}
	s.URL = "http://" + listener.Addr().String()
	if s.options.TLS {
		s.URL = "https://" + listener.Addr().String()
	}
	if s.options.PublicURL == "" {
		s.options.PublicURL = s.URL
	}
	if s.public, err = parsePublicURL(s.options.PublicURL); err != nil {
		_ = listener.Close()
		panic(err.Error())
	}
	s.http = &httptest.Server{
		Listener:    listener,
		EnableHTTP2: s.options.TLS,
		Config: &http.Server{
			Handler:     s.Handler(),
			ConnContext: s.conns.number,
			ErrorLog:    log.New(logWriter(s.options.Logf), "", 0),
		},
	}
	if s.options.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return s
}

// New returns a simulator that does not listen, for a program that serves
// Handler itself. Options.PublicURL is required; an error says what is wrong
// with it. The caller should call Close, which ends calls that wait.
func New(o *Options) (*Server, error) {
	s := newServer(o)
	if s.options.PublicURL == "" {
		return nil, errors.New("atlastest: New needs Options.PublicURL: the URL under which Handler is served")
	}
	public, err := parsePublicURL(s.options.PublicURL)
	if err != nil {
		return nil, err
	}
	s.public, s.URL = public, public.String()
	return s, nil
}

func newServer(o *Options) *Server {
	full := o.withDefaults()
	s := &Server{
		options:  full,
		closing:  make(chan struct{}),
		links:    newLedger(full.TokenTTL, full.Now),
		sessions: newLedger(sessionTTL, full.Now),
	}
	s.SetCredentials(Credential{full.ClientID, full.ClientSecret})
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

// CloseClientConnections closes all open connections, so that the client's
// next call meets a dead one or opens a new one. It does nothing after New.
func (s *Server) CloseClientConnections() {
	if s.http != nil {
		s.http.CloseClientConnections()
	}
}

// Client returns an HTTP client that trusts the server's certificate. After
// New it is http.DefaultClient.
func (s *Server) Client() *http.Client {
	if s.http == nil {
		return http.DefaultClient
	}
	return s.http.Client()
}

// Certificate returns the server's certificate, nil without Options.TLS.
func (s *Server) Certificate() *x509.Certificate {
	if s.http == nil {
		return nil
	}
	return s.http.Certificate()
}

// CertPool returns a pool with the server's certificate, nil without
// Options.TLS.
func (s *Server) CertPool() *x509.CertPool {
	certificate := s.Certificate()
	if certificate == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}

// CertificatePEM returns the server's certificate as PEM, for the file that
// another process is given in SSL_CERT_FILE; nil without Options.TLS.
func (s *Server) CertificatePEM() []byte {
	certificate := s.Certificate()
	if certificate == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

// SetCredentials replaces the accepted credentials. Give both the old and the
// new pair for the overlap of a rotation; none refuses everyone.
func (s *Server) SetCredentials(accepted ...Credential) {
	hashes := make([]hashed, len(accepted))
	for i, c := range accepted {
		hashes[i] = c.hash()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = hashes
}

func (s *Server) accepts(c Credential) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return accepts(s.accepted, c)
}

// logWriter hands the HTTP server's complaints to a Logf.
type logWriter func(format string, args ...any)

func (w logWriter) Write(line []byte) (int, error) {
	w("atlastest: %s", bytes.TrimSpace(line))
	return len(line), nil
}
