// Package secrettest is a simulator of AWS Secrets Manager with one secret,
// used like net/http/httptest: a server on loopback that the AWS SDKs call when
// their endpoint is its URL.
//
// It answers GetSecretValue, PutSecretValue and DescribeSecret as the AWS
// Secrets Manager API Reference describes them, in AWS JSON 1.1. The staging
// labels AWSCURRENT and AWSPREVIOUS move with each put. Signatures are not
// verified.
//
// Script and Always replace the answers of the next calls by a [Step]. Requests
// returns the calls that arrived.
package secrettest

import (
	"cmp"
	"crypto/rand"
	"net"
	"sync"

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
}

// Server is a running simulator. Its methods are safe for use by several
// goroutines. Besides its own it has those of httptest.Server, and Script,
// Always, Clear, Requests and Connections.
type Server struct {
	faultscript.Server
	// ARN is the secret's complete ARN.
	ARN string

	name string

	mu     sync.Mutex
	staged map[string]version // by label
}

// version is one value of the secret: a text or bytes.
type version struct {
	id     string
	text   *string
	binary []byte
}

// NewServer starts a simulator. The caller should call Close.
func NewServer(o *Options) *Server {
	if o == nil {
		o = &Options{}
	}
	s := &Server{name: cmp.Or(o.Name, DefaultName), staged: map[string]version{}}
	// Secrets Manager adds a hyphen and six characters to the name.
	s.ARN = "arn:aws:secretsmanager:" + Region + ":000000000000:secret:" + s.name + "-AbCdEf"
	if !o.NoValue {
		s.Put(cmp.Or(o.Value, DefaultValue))
	}
	s.Open(o.Listener, false, s.answer)
	return s
}

// Put stores a new version and returns its id.
func (s *Server) Put(value string) (versionID string) { return s.put(version{text: &value}) }

// PutBinary stores a new version that holds bytes and returns its id.
func (s *Server) PutBinary(value []byte) (versionID string) { return s.put(version{binary: value}) }

func (s *Server) put(v version) string {
	v.id = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.staged[stageCurrent]; ok {
		s.staged[stagePrevious] = last
	}
	s.staged[stageCurrent] = v
	return v.id
}
