// Package idp is a small OpenID Connect provider for one machine. It signs in an
// example operator, without a password, by the authorization code flow with PKCE,
// and gives a shell an operator's token. Use it to try the broker out only.
package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

const (
	// Audience is the aud claim of an access token.
	Audience = "atrip-token"
	// ClientID is the id of the only client: the console.
	ClientID = "atrip-console"
	// Scope is the scope that the broker's route requires.
	Scope = "atrip/open"

	scopes   = "openid email " + Scope
	keyID    = "local"
	lifetime = time.Hour
)

// Operator is a person who can sign in.
type Operator struct {
	// Email names the operator; it becomes the sub and email claims.
	Email string
	// Name is shown on the sign-in page.
	Name string
	// Groups becomes the groups claim, by which the default policy grants roles.
	Groups []string
	// About says in a few words what the operator is an example of.
	About string
	// Claims are further claims of the operator's tokens.
	Claims map[string]any
}

// Examples are the operators of the default policy's roles.
var Examples = []Operator{
	{Email: "amelia@example.com", Name: "Amelia", About: "Customer service", Groups: []string{"atrip-customer-service"}},
	{Email: "finn@example.com", Name: "Finn", About: "Finance", Groups: []string{"atrip-finance"}},
	{Email: "ada@example.com", Name: "Ada", About: "Every role",
		Groups: []string{"atrip-admin", "atrip-customer-service", "atrip-developer", "atrip-finance"}},
	{Email: "nobody@example.com", Name: "Nobody", About: "Signed in, but in no group: every order is refused", Groups: []string{}},
}

// Provider is an http.Handler. New makes one.
type Provider struct {
	issuer      string
	origins     []string
	groupsClaim string
	operators   []Operator
	key         *rsa.PrivateKey
	mux         *http.ServeMux

	mu    sync.Mutex
	codes map[string]grant
}

// grant is what a code is worth: an operator, and the request that it answers.
type grant struct {
	operator Operator
	request  url.Values
}

// New makes a provider whose URL is issuer, with a new key. It sends browsers back
// to pages of origins only, and only those pages may read its answers. Operators'
// groups go into groupsClaim.
func New(issuer string, origins []string, groupsClaim string, operators []Operator) (*Provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("identity provider: make a key: %w", err)
	}
	p := &Provider{
		issuer: issuer, origins: origins, groupsClaim: groupsClaim, operators: operators,
		key: key, mux: http.NewServeMux(), codes: map[string]grant{},
	}
	// Discovery and keys; its discovery document names /auth and /token.
	documents := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: keyID, Algorithm: oidc.RS256}}}
	documents.SetIssuer(issuer)
	p.mux.Handle("GET /", documents)
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { p.show(w, "") })
	p.mux.HandleFunc("GET /auth", p.authorize)
	p.mux.HandleFunc("POST /auth", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	p.mux.HandleFunc("GET /dev-token", p.devToken)
	return p, nil
}

// ServeHTTP answers one request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); slices.Contains(p.origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	p.mux.ServeHTTP(w, r)
}

// authorize shows the operators and, once one is chosen, sends the browser back
// with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	if problem := p.problem(request); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	if r.Method != http.MethodPost {
		p.show(w, "/auth?"+r.URL.RawQuery)
		return
	}
	who, found := p.operator(r.PostFormValue("operator"))
	if !found {
		http.Error(w, "no such operator", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{who, request}
	p.mu.Unlock()
	answer := url.Values{"code": {code}, "state": {request.Get("state")}, "iss": {p.issuer}}
	//nolint:gosec // problem has checked the redirect_uri
	http.Redirect(w, r, request.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

// problem says what is wrong with an authorization request (OpenID Connect Core
// 3.1.2.1 with PKCE, RFC 7636). The browser is not sent back with it: the address
// to send it to may be the problem.
func (p *Provider) problem(request url.Values) string {
	back, err := url.Parse(request.Get("redirect_uri"))
	switch {
	case request.Get("client_id") != ClientID:
		return "client_id must be " + ClientID
	case err != nil || !slices.Contains(p.origins, back.Scheme+"://"+back.Host):
		return "redirect_uri must be a page of " + strings.Join(p.origins, " or ")
	case request.Get("response_type") != "code":
		return "response_type must be code"
	case request.Get("code_challenge_method") != "S256" || request.Get("code_challenge") == "":
		return "PKCE is required: code_challenge, and code_challenge_method S256"
	}
	return ""
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// show writes the page that lists the operators. With an action, each is a button
// that posts the operator there.
func (p *Provider) show(w http.ResponseWriter, action string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// Chromium applies form-action to the redirect that follows, too.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "+
		"form-action 'self' "+strings.Join(p.origins, " "))
	_ = page.Execute(w, map[string]any{"Action": action, "Operators": p.operators})
}

// token exchanges a code for tokens, once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, found := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	if !found || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("client_id") != ClientID ||
		r.PostFormValue("redirect_uri") != g.request.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != g.request.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": p.accessToken(g.operator, Audience, scopes, lifetime),
		"id_token":     p.sign(g.operator, ClientID, lifetime, map[string]any{"nonce": g.request.Get("nonce")}),
		"token_type":   "Bearer", "expires_in": int(lifetime.Seconds()), "scope": scopes,
	})
}

// devToken gives a shell an operator's access token as plain text:
//
//	curl -s 'ISSUER/dev-token?user=amelia@example.com'
//
// audience, scope and lifetime (a Go duration, negative for an expired token)
// override the defaults, to test rejections.
func (p *Provider) devToken(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	get := func(name, fallback string) string {
		if query.Has(name) {
			return query.Get(name)
		}
		return fallback
	}
	valid, err := time.ParseDuration(get("lifetime", lifetime.String()))
	if err != nil || valid == 0 {
		http.Error(w, "lifetime must be a duration such as 10m or -10m", http.StatusBadRequest)
		return
	}
	who, found := p.operator(query.Get("user"))
	if !found {
		var emails []string
		for _, o := range p.operators {
			emails = append(emails, o.Email)
		}
		http.Error(w, "user must be one of "+strings.Join(emails, ", "), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(p.accessToken(who, get("audience", Audience), get("scope", scopes), valid)))
}

func (p *Provider) operator(email string) (Operator, bool) {
	i := slices.IndexFunc(p.operators, func(o Operator) bool { return o.Email == email })
	if i < 0 {
		return Operator{}, false
	}
	return p.operators[i], true
}

func (p *Provider) accessToken(o Operator, audience, scope string, valid time.Duration) string {
	return p.sign(o, audience, valid, map[string]any{"scope": scope, "client_id": ClientID, p.groupsClaim: o.Groups})
}

// sign makes a token about an operator; one that is valid for a negative time has
// expired. The operator's own claims replace sub, email and name.
func (p *Provider) sign(o Operator, audience string, valid time.Duration, more map[string]any) string {
	now := time.Now()
	expires := now.Add(valid)
	claims := map[string]any{"sub": o.Email, "email": o.Email, "email_verified": true, "name": o.Name}
	maps.Copy(claims, o.Claims)
	maps.Copy(claims, more)
	claims["iss"], claims["aud"], claims["jti"] = p.issuer, audience, rand.Text()
	claims["iat"], claims["exp"] = min(now.Unix(), expires.Unix()), expires.Unix()
	text, _ := json.Marshal(claims) // nothing that JSON cannot say
	return oidctest.SignIDToken(p.key, keyID, oidc.RS256, string(text))
}
