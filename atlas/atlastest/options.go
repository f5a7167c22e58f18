package atlastest

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The values that zero Options stand for.
const (
	DefaultClientID     = "example-client"
	DefaultClientSecret = "example-secret"
	DefaultTokenTTL     = 5 * time.Minute
)

// DefaultRoles returns the roles that Atlas documents for getAtripToken.do.
func DefaultRoles() []string {
	return []string{"Customer service", "Finance", "Developer", "Admin"}
}

// Options configure a Server. The zero value, or nil in its place, works.
type Options struct {
	// Addr is the host:port to listen on. Empty means a free port of
	// 127.0.0.1. New ignores it.
	Addr string

	// PublicURL is what minted urls begin with: an absolute http or https
	// URL, with a base path or without. The portal is served under that
	// path. Empty means the URL that the server listens on; New requires it.
	PublicURL string

	// ClientID and ClientSecret are the accepted credentials. Empty means
	// DefaultClientID and DefaultClientSecret.
	ClientID, ClientSecret string

	// TLS makes the server speak HTTPS, with httptest's certificate, and
	// HTTP/2 to clients that offer it. New ignores it.
	TLS bool

	// TokenTTL is how long an unused link works. Zero means DefaultTokenTTL.
	TokenTTL time.Duration

	// Now tells the time by which links expire. Nil means time.Now.
	Now func() time.Time

	// Roles are the accepted roles. Empty means DefaultRoles.
	Roles []string

	// Logf, if not nil, gets one line a call, free of secrets and tokens,
	// and what the HTTP server complains about.
	Logf func(format string, args ...any)
}

// withDefaults returns a copy of o, which may be nil, with every empty field
// but Addr and PublicURL filled in.
func (o *Options) withDefaults() Options {
	var full Options
	if o != nil {
		full = *o
	}
	if full.ClientID == "" {
		full.ClientID = DefaultClientID
	}
	if full.ClientSecret == "" {
		full.ClientSecret = DefaultClientSecret
	}
	if full.TokenTTL <= 0 {
		full.TokenTTL = DefaultTokenTTL
	}
	if full.Now == nil {
		full.Now = time.Now
	}
	if len(full.Roles) == 0 {
		full.Roles = DefaultRoles()
	}
	full.Roles = slices.Clone(full.Roles)
	if full.Logf == nil {
		full.Logf = func(string, ...any) {}
	}
	return full
}

func parsePublicURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("atlastest: PublicURL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("atlastest: PublicURL %q is not an absolute http or https URL", u.Redacted())
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("atlastest: PublicURL for host %q has user information, a query or a fragment; leave them out", u.Host)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// Credential is a pair that the server accepts.
type Credential struct{ ClientID, ClientSecret string }

// hashed is a Credential as the server keeps it.
type hashed struct{ id, secret [sha256.Size]byte }

func (c Credential) hash() hashed {
	return hashed{id: sha256.Sum256([]byte(c.ClientID)), secret: sha256.Sum256([]byte(c.ClientSecret))}
}

// accepts compares c with every accepted pair in a time that depends on
// neither, and reports whether one is equal.
func accepts(accepted []hashed, c Credential) bool {
	given, found := c.hash(), 0
	for _, a := range accepted {
		found |= subtle.ConstantTimeCompare(a.id[:], given.id[:]) & subtle.ConstantTimeCompare(a.secret[:], given.secret[:])
	}
	return found == 1
}
