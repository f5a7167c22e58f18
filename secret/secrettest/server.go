// Package secrettest is a simulator of AWS Secrets Manager with one secret,
// used like net/http/httptest: a server on loopback that the AWS SDKs call when
// their endpoint is its URL.
//
// It answers GetSecretValue, PutSecretValue and DescribeSecret as the AWS
// Secrets Manager API Reference describes them, in AWS JSON 1.1. The staging
// labels AWSCURRENT and AWSPREVIOUS move with each put. A request must carry a
// Signature Version 4 header, which is not verified.
//
// Script and Always replace the answers of the next calls by a [Step]. Requests
// returns the calls that arrived, without the secret's value.
package secrettest

import (
	"cmp"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"atriptoken/internal/faultscript"
)

// The secret as nil Options make it.
const (
	DefaultName = "example/atlas-credentials"
	// DefaultValue is the credentials that atlastest accepts by default.
	DefaultValue = `{"clientId":"example-client","clientSecret":"example-secret"}`
	// Region is the AWS Region of the secret's ARN.
	Region = "eu-west-1"
)

// Options configure a Server. The zero value, or nil in its place, works.
type Options struct {
	// Listener is where the server listens. Nil means a free port of 127.0.0.1.
	Listener net.Listener
	// Name is the secret's name. Empty means DefaultName.
	Name string
	// Value is the secret's first value. Empty means DefaultValue.
	Value string
	// NoValue creates the secret without a value, as CloudFormation can.
	NoValue bool
	// Logf, if not nil, gets one line for each call, without the value.
	Logf func(format string, args ...any)
}

// Server is a running simulator. Its methods are safe for use by several
// goroutines. Besides its own it has those of httptest.Server, and Script,
// Always, Clear, Requests, WaitRequests and Connections.
type Server struct {
	*faultscript.Server[Recorded]
	// ARN is the secret's complete ARN.
	ARN string

	options Options

	mu                sync.Mutex
	current, previous *version // nil before the first and second value
}

// Recorded is a call as it arrived.
type Recorded struct {
	Operation    string // "GetSecretValue" and the like
	SecretID     string // the secret as the caller named it
	VersionStage string // "" if not given
}

// version is one value of the secret: a text or bytes.
type version struct {
	id     string
	text   *string
	binary []byte
}

// NewServer starts a simulator. The caller should call Close.
func NewServer(o *Options) *Server {
	s := &Server{}
	if o != nil {
		s.options = *o
	}
	s.options.Name = cmp.Or(s.options.Name, DefaultName)
	// Secrets Manager adds a hyphen and six characters to the name.
	s.ARN = "arn:aws:secretsmanager:" + Region + ":000000000000:secret:" + s.options.Name + "-AbCdEf"
	if !s.options.NoValue {
		s.Put(cmp.Or(s.options.Value, DefaultValue))
	}
	s.Server = faultscript.NewUnstartedServer[Recorded](s.options.Listener, false, http.HandlerFunc(s.serve))
	s.Begin()
	return s
}

// Put stores a new version and returns its id.
func (s *Server) Put(value string) (versionID string) { return s.put(version{text: &value}) }

// PutBinary stores a new version that holds bytes and returns its id.
func (s *Server) PutBinary(value []byte) (versionID string) { return s.put(version{binary: value}) }

func (s *Server) put(v version) string {
	v.id = newID()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.previous = &v, s.current
	return v.id
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var in input
	operation, named := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != contentType || !named:
		fail(w, "UnknownOperationException", "not a POST of "+contentType+" with an X-Amz-Target of secretsmanager")
		return
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "):
		fail(w, "MissingAuthenticationTokenException", "Missing Authentication Token")
		return
	case json.UnmarshalRead(r.Body, &in) != nil:
		fail(w, "SerializationException", "the body is not the JSON of "+operation)
		return
	}
	s.Record(Recorded{operation, in.SecretID, in.VersionStage})
	if s.options.Logf != nil {
		s.options.Logf("secrettest: %s of %q", operation, in.SecretID)
	}
	s.Play(w, r, func(w http.ResponseWriter, _ *http.Request) { s.answer(w, operation, in) })
}
