// Package idp is a small OpenID Connect provider for one machine. It signs in an
// example operator, without a password, by the authorization code flow with PKCE,
// and gives a shell an operator's token. Use it to try the broker out only.
package idp

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	_ "embed"
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
	"golang.org/x/oauth2"
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
	// Name and About are shown on the sign-in page.
	Name, About string
	// Groups becomes the groups claim, by which the default policy grants roles.
	Groups []string
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

type provider struct {
	issuer      string
	origins     []string
	groupsClaim string
	operators   []Operator
	key         *rsa.PrivateKey
	codes       sync.Map // a grant by its code
}

// grant is what a code is worth: an operator, and the request that it answers.
type grant struct {
	operator Operator
	request  url.Values
}

// New makes a provider whose URL is issuer, with a new key. It sends browsers back
// to pages of origins only, and only those pages may read its answers. Operators'
// groups go into groupsClaim.
func New(issuer string, origins []string, groupsClaim string, operators []Operator) (http.Handler, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("identity provider: make a key: %w", err)
	}
	p := &provider{issuer: issuer, origins: origins, groupsClaim: groupsClaim, operators: operators, key: key}
	// Discovery and keys; its discovery document names /auth and /token.
	documents := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: keyID, Algorithm: oidc.RS256}}}
	documents.SetIssuer(issuer)
	mux := http.NewServeMux()
	mux.Handle("GET /", documents)
	mux.HandleFunc("GET /auth", p.authorize)
	mux.HandleFunc("POST /auth", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /dev-token", p.devToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); slices.Contains(origins, origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		mux.ServeHTTP(w, r)
	}), nil
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// authorize answers an authorization request (OpenID Connect Core 3.1.2.1 with
// PKCE, RFC 7636): it shows the operators and, once one is chosen, sends the
// browser back with a code.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	back, err := url.Parse(request.Get("redirect_uri"))
	// The browser is not sent back with a refusal: the address may be the problem.
	if err != nil || !slices.Contains(p.origins, back.Scheme+"://"+back.Host) || request.Get("client_id") != ClientID ||
		request.Get("response_type") != "code" || request.Get("code_challenge_method") != "S256" || request.Get("code_challenge") == "" {
		http.Error(w, fmt.Sprintf("the request needs client_id=%s, response_type=code, a code_challenge of code_challenge_method=S256, "+
			"and a redirect_uri on %s", ClientID, strings.Join(p.origins, " or ")), http.StatusBadRequest)
		return
	}
	if r.Method != http.MethodPost {
		// Chromium applies form-action to the redirect that follows, too.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "+
			"form-action 'self' "+strings.Join(p.origins, " "))
		_ = page.Execute(w, map[string]any{"Action": "/auth?" + r.URL.RawQuery, "Operators": p.operators})
		return
	}
	who, err := p.operator(r.PostFormValue("operator"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.codes.Store(code, grant{who, request})
	answer := url.Values{"code": {code}, "state": {request.Get("state")}, "iss": {p.issuer}}
	//nolint:gosec // the origin of redirect_uri is a known one
	http.Redirect(w, r, request.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

// token exchanges a code for tokens, once.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	kept, _ := p.codes.LoadAndDelete(r.PostFormValue("code"))
	g, found := kept.(grant)
	w.Header().Set("Content-Type", "application/json")
	if !found || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("client_id") != ClientID ||
		r.PostFormValue("redirect_uri") != g.request.Get("redirect_uri") ||
		oauth2.S256ChallengeFromVerifier(r.PostFormValue("code_verifier")) != g.request.Get("code_challenge") {
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

// devToken gives a shell an operator's access token as plain text. audience, scope
// and lifetime (a Go duration, negative for an expired token) override the
// defaults, to test rejections.
func (p *provider) devToken(w http.ResponseWriter, r *http.Request) {
	get := r.URL.Query().Get
	valid, err := time.ParseDuration(cmp.Or(get("lifetime"), lifetime.String()))
	if err != nil || valid == 0 {
		http.Error(w, "lifetime must be a duration such as 10m or -10m", http.StatusBadRequest)
		return
	}
	who, err := p.operator(get("user"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write([]byte(p.accessToken(who, cmp.Or(get("audience"), Audience), cmp.Or(get("scope"), scopes), valid)))
}

// operator returns the operator with this email.
func (p *provider) operator(email string) (Operator, error) {
	var known []string
	for _, o := range p.operators {
		if o.Email == email {
			return o, nil
		}
		known = append(known, o.Email)
	}
	return Operator{}, fmt.Errorf("user must be one of %s", strings.Join(known, ", "))
}

func (p *provider) accessToken(o Operator, audience, scope string, valid time.Duration) string {
	return p.sign(o, audience, valid, map[string]any{"scope": scope, "client_id": ClientID, p.groupsClaim: o.Groups})
}

// sign makes a token about an operator; one that is valid for a negative time has
// expired. The operator's own claims replace sub, email and name.
func (p *provider) sign(o Operator, audience string, valid time.Duration, more map[string]any) string {
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
