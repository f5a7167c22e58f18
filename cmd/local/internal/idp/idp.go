// Package idp is a small OpenID Connect provider for one machine: it signs in
// one of a few example operators without a password, by the authorization-code
// flow with PKCE that a browser application uses, and hands a token to a shell
// that asks for one. Nothing here is fit for more than trying the broker out.
package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// Audience is the aud claim of every access token.
	Audience = "atrip-token"
	// ClientID is the one client that may sign operators in: the console.
	ClientID = "atrip-console"
	// Scope is the scope that opens the broker's route.
	Scope = "atrip/open"
	// TokenLifetime is how long a token is valid unless asked otherwise.
	TokenLifetime = time.Hour
	// codeLifetime bounds the step between redirect and token request
	// (RFC 6749, 4.1.2 recommends at most ten minutes).
	codeLifetime = time.Minute
)

// Operator is a person who can be signed in.
type Operator struct {
	// Email names the operator and becomes the sub and email claims.
	Email string
	// Name is shown on the sign-in page.
	Name string
	// Groups becomes the groups claim; the default policy grants roles by it.
	Groups []string
	// About says in a few words what the operator is an example of.
	About string
}

// Operators are the examples that Provider signs in.
var Operators = []Operator{
	{"amelia@example.com", "Amelia", []string{"atrip-customer-service"}, "Customer service"},
	{"finn@example.com", "Finn", []string{"atrip-finance"}, "Finance"},
	{"ada@example.com", "Ada", []string{"atrip-admin", "atrip-customer-service", "atrip-developer", "atrip-finance"}, "Every role"},
	{"nobody@example.com", "Nobody", []string{}, "Signed in, but in no group: every order is refused"},
}

func operator(email string) (Operator, bool) {
	i := slices.IndexFunc(Operators, func(o Operator) bool { return o.Email == email })
	if i < 0 {
		return Operator{}, false
	}
	return Operators[i], true
}

// Config says where the provider is and whom it serves.
type Config struct {
	// Issuer is the provider's URL as it stands in tokens, without a slash at
	// its end.
	Issuer string
	// RedirectURIs are the addresses the console may be sent back to, compared
	// as they are.
	RedirectURIs []string
	// ConsoleOrigin is the origin that the sign-in page may lead back to.
	ConsoleOrigin string
	// Origins are those whose pages may read the answers: the console's, and
	// further ones.
	Origins []string
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Provider is an http.Handler.
type Provider struct {
	config Config
	key    *rsa.PrivateKey
	signer jose.Signer
	mux    *http.ServeMux

	mu    sync.Mutex
	codes map[string]grant
}

// New makes a provider with a fresh RSA key; its tokens are worth nothing to
// another one.
func New(c Config) (*Provider, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("identity provider: make a key: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID, Algorithm: string(jose.RS256)},
	}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("identity provider: make a signer: %w", err)
	}
	p := &Provider{config: c, key: key, signer: signer, mux: http.NewServeMux(), codes: map[string]grant{}}
	p.mux.HandleFunc("GET /{$}", p.home)
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /jwks.json", p.jwks)
	p.mux.HandleFunc("GET /authorize", p.pick)
	p.mux.HandleFunc("POST /authorize", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	p.mux.HandleFunc("GET /dev-token", p.devToken)
	return p, nil
}

// keyID names the provider's one key in its key set and its tokens.
const keyID = "local"

// ServeHTTP answers one request. Pages of Origins may read the answers, as a
// browser application does; another origin's may not.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); slices.Contains(p.config.Origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	p.mux.ServeHTTP(w, r)
}

// discovery serves OpenID Connect Discovery 1.0's document.
func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                p.config.Issuer,
		"authorization_endpoint":                p.config.Issuer + "/authorize",
		"token_endpoint":                        p.config.Issuer + "/token",
		"jwks_uri":                              p.config.Issuer + "/jwks.json",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"scopes_supported":                      []string{"openid", "email", Scope},
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.key.Public(), KeyID: keyID, Algorithm: string(jose.RS256), Use: "sig"},
	}})
}

// TokenOptions bend an access token away from the usual one, to try out what
// the gateway refuses. The zero value is a good token.
type TokenOptions struct {
	// Issuer replaces the provider's own.
	Issuer string
	// Audience replaces the usual audience.
	Audience string
	// Scope replaces the usual scopes.
	Scope string
	// Lifetime replaces TokenLifetime; a negative one makes an expired token.
	Lifetime time.Duration
}

// AccessToken signs an access token for an operator.
func (p *Provider) AccessToken(o Operator, opts TokenOptions) (string, error) {
	claims := p.claims(o, orElse(opts.Lifetime, TokenLifetime))
	claims["iss"] = orElse(opts.Issuer, p.config.Issuer)
	claims["aud"] = orElse(opts.Audience, Audience)
	claims["scope"] = orElse(opts.Scope, "openid email "+Scope)
	claims["client_id"] = ClientID
	claims["groups"] = o.Groups
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

func (p *Provider) idToken(o Operator, nonce string) (string, error) {
	claims := p.claims(o, TokenLifetime)
	claims["aud"] = ClientID
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

func (p *Provider) claims(o Operator, lifetime time.Duration) map[string]any {
	now := p.config.Now()
	return map[string]any{
		"iss": p.config.Issuer, "sub": o.Email, "email": o.Email, "email_verified": true, "name": o.Name,
		"iat": min(now.Unix(), now.Add(lifetime).Unix()), "exp": now.Add(lifetime).Unix(), "jti": randomID(),
	}
}

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func randomID() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away is no error of ours
}
