// Package atlastest is a simulator of Atlas for tests, used like
// net/http/httptest: a server on loopback that answers getAtripToken.do as
// Atlas's OpenAPI document describes it and shows a portal page at each url it
// returns.
//
//	server := atlastest.NewServer(nil)
//	defer server.Close()
//	// The base URL is server.URL, the credentials are DefaultClientID and
//	// DefaultClientSecret.
//
// Script and Always replace the answers of the next calls by a [Step]: another
// status, a malformed reply, a slow one, a cut connection. Requests returns the
// calls that arrived.
package atlastest

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"atriptoken/internal/faultscript"
)

// The credentials that the simulator accepts by default.
const (
	DefaultClientID     = "example-client"
	DefaultClientSecret = "example-secret"
)

// DefaultRoles returns the roles that Atlas documents for getAtripToken.do.
func DefaultRoles() []string {
	return []string{"Customer service", "Finance", "Developer", "Admin"}
}

// Options configure a Server. The zero value, or nil in its place, works.
type Options struct {
	// Listener is where the server listens. Nil means a free port of 127.0.0.1.
	Listener net.Listener
	// TLS makes it speak HTTPS with httptest's certificate, and HTTP/2.
	TLS bool
	// PublicURL is the start of the urls that it returns. Empty means its own URL.
	PublicURL string
	// ClientID and ClientSecret are the accepted credentials. Empty means
	// DefaultClientID and DefaultClientSecret.
	ClientID, ClientSecret string
	// Roles are the roles that it knows. Empty means DefaultRoles.
	Roles []string
	// Logf, if not nil, gets one line for each answer of OK, without secrets.
	Logf func(format string, args ...any)
}

// Credential is a pair that the server accepts.
type Credential struct{ ClientID, ClientSecret string }

// Server is a running simulator. Its methods are safe for use by several
// goroutines. Besides its own it has those of httptest.Server, and Script,
// Always, Clear, Requests and Connections.
type Server struct {
	faultscript.Server
	options Options

	mu       sync.Mutex
	accepted []Credential
	visits   map[string]visit // by the token of the link, until it is opened
}

// visit is the body of a call: an operator, in a role, at an order.
type visit struct {
	OrderNo  string `json:"orderNo"`
	UserName string `json:"userName"`
	Role     string `json:"role"`
}

// Recorded is a call as it arrived.
type Recorded = faultscript.Recorded

// NewServer starts a simulator. The caller should call Close.
func NewServer(o *Options) *Server {
	s := &Server{visits: map[string]visit{}}
	if o != nil {
		s.options = *o
	}
	s.SetCredentials(Credential{cmp.Or(s.options.ClientID, DefaultClientID), cmp.Or(s.options.ClientSecret, DefaultClientSecret)})
	if s.options.Roles == nil {
		s.options.Roles = DefaultRoles()
	}
	s.Open(s.options.Listener, s.options.TLS, s.serve)
	return s
}

// SetCredentials replaces the accepted credentials. Give the old and the new
// pair for the overlap of a rotation; without any, every call is refused.
func (s *Server) SetCredentials(accepted ...Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = accepted
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, portalPath):
		s.servePortal(w, r)
	case r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/getAtripToken.do"):
		http.NotFound(w, r)
	default:
		s.answer(w, r)
	}
}

// answer checks a call and replies with a link or with the status of the first
// fault. Atlas's document has the statuses 0, 2 and 3; that 100 and 901, known
// from its other calls, are also used here is an assumption.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	var who visit
	refuse := func(status int, msg string) {
		s.logf("status %d, %s", status, msg)
		reply("", status, &msg)(w, r, nil)
	}
	switch {
	case !s.accepts(Credential{r.Header.Get("x-atlas-client-id"), r.Header.Get("x-atlas-client-secret")}):
		refuse(3, "unauthorized access")
	case json.UnmarshalRead(r.Body, &who, json.RejectUnknownMembers(true)) != nil:
		refuse(901, "illegal request: the body is not one JSON object with the strings orderNo, userName and role")
	case who.OrderNo == "" || who.UserName == "" || who.Role == "":
		refuse(100, "missing data: orderNo, userName and role are required")
	case !slices.Contains(s.options.Roles, who.Role):
		refuse(901, "illegal request: unknown role")
	default:
		s.logf("status 0 for order %q, user %q, role %q", who.OrderNo, who.UserName, who.Role)
		reply(s.link(who), 0, nil)(w, r, nil)
	}
}

func (s *Server) accepts(given Credential) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.accepted, given)
}

func (s *Server) logf(format string, args ...any) {
	if s.options.Logf != nil {
		s.options.Logf("atlastest: "+format, args...)
	}
}
