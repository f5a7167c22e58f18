package idp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grant is what a code stands for.
type grant struct {
	operator    Operator
	redirectURI string
	challenge   string
	nonce       string
	expires     time.Time
}

// authorization is a checked authorization request (OpenID Connect Core 3.1.2.1
// with PKCE, RFC 7636).
type authorization struct {
	RedirectURI string
	State       string
	Nonce       string
	Challenge   string
}

// parse checks an authorization request. Whatever is wrong is said on this
// page: an address that is not registered must not be redirected to.
func (p *Provider) parse(form url.Values) (authorization, string) {
	switch {
	case form.Get("client_id") != ClientID:
		return authorization{}, "client_id must be " + ClientID
	case !slices.Contains(p.config.RedirectURIs, form.Get("redirect_uri")):
		return authorization{}, "redirect_uri is not one of " + strings.Join(p.config.RedirectURIs, ", ")
	case form.Get("response_type") != "code":
		return authorization{}, "response_type must be code"
	case form.Get("code_challenge_method") != "S256" || form.Get("code_challenge") == "":
		return authorization{}, "PKCE is required: code_challenge, and code_challenge_method S256"
	}
	return authorization{
		RedirectURI: form.Get("redirect_uri"), State: form.Get("state"),
		Nonce: form.Get("nonce"), Challenge: form.Get("code_challenge"),
	}, ""
}

// pick shows the operators to choose from.
func (p *Provider) pick(w http.ResponseWriter, r *http.Request) {
	request, problem := p.parse(r.URL.Query())
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	renderPicker(w, request, p.config.ConsoleOrigin)
}

// authorize sends the chosen operator's browser back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	request, problem := p.parse(r.PostForm)
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	who, known := operator(r.PostForm.Get("operator"))
	if !known {
		http.Error(w, "no such operator", http.StatusBadRequest)
		return
	}
	code := randomID()
	p.mu.Lock()
	p.codes[code] = grant{
		operator: who, redirectURI: request.RedirectURI, challenge: request.Challenge,
		nonce: request.Nonce, expires: p.config.Now().Add(codeLifetime),
	}
	p.mu.Unlock()
	back := request.RedirectURI + "?" + url.Values{"code": {code}, "state": {request.State}, "iss": {p.config.Issuer}}.Encode()
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// token exchanges a code for tokens, once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		tokenError(w, "invalid_request")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		tokenError(w, "unsupported_grant_type")
		return
	}
	g, ok := p.redeem(r.PostForm)
	if !ok {
		tokenError(w, "invalid_grant")
		return
	}
	access, err := p.AccessToken(g.operator, TokenOptions{})
	if err != nil {
		http.Error(w, "cannot sign a token", http.StatusInternalServerError)
		return
	}
	id, err := p.idToken(g.operator, g.nonce)
	if err != nil {
		http.Error(w, "cannot sign a token", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "id_token": id, "token_type": "Bearer",
		"expires_in": int(TokenLifetime.Seconds()), "scope": "openid email " + Scope,
	})
}

// redeem takes a code out of the store and checks that it is this client's.
func (p *Provider) redeem(form url.Values) (grant, bool) {
	p.mu.Lock()
	g, found := p.codes[form.Get("code")]
	delete(p.codes, form.Get("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return g, found && form.Get("client_id") == ClientID &&
		g.redirectURI == form.Get("redirect_uri") && p.config.Now().Before(g.expires) &&
		subtle.ConstantTimeCompare([]byte(challenge), []byte(g.challenge)) == 1
}

func tokenError(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": code})
}

// devToken gives a shell an operator's access token as plain text:
//
//	curl -s 'ISSUER/dev-token?user=amelia@example.com'
//
// audience, scope and lifetime (a Go duration, negative for an expired token)
// bend it, to see what the gateway refuses.
func (p *Provider) devToken(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	who, known := operator(query.Get("user"))
	if !known {
		http.Error(w, "user must be one of "+strings.Join(emails(), ", "), http.StatusBadRequest)
		return
	}
	opts := TokenOptions{Audience: query.Get("audience"), Scope: query.Get("scope")}
	if text := query.Get("lifetime"); text != "" {
		lifetime, err := time.ParseDuration(text)
		if err != nil || lifetime == 0 {
			http.Error(w, "lifetime must be a duration such as 10m or -10m", http.StatusBadRequest)
			return
		}
		opts.Lifetime = lifetime
	}
	token, err := p.AccessToken(who, opts)
	if err != nil {
		http.Error(w, "cannot sign a token", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(token))
}

func emails() []string {
	var all []string
	for _, o := range Operators {
		all = append(all, o.Email)
	}
	return all
}
