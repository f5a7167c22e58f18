package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Authorizer is a JWT authorizer (the guide, "Control access to HTTP APIs with
// JWT authorizers in API Gateway"). Its identity source is the Authorization
// header, with or without the word Bearer.
type Authorizer struct {
	verifier                *oidc.IDTokenVerifier
	issuer, audience, scope string
}

// NewAuthorizer reads the issuer's discovery document and keys. A token must name
// audience in aud or, if it has no aud, in client_id; and scope, unless it is "".
func NewAuthorizer(ctx context.Context, issuer, audience, scope string) (*Authorizer, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery of the issuer %s: %w", issuer, err)
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{
		SkipClientIDCheck: true, // check looks at client_id as well
		SkipIssuerCheck:   true, // the library's error for it has no type
		// "Currently, only RSA-based algorithms are supported."
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512},
	})
	return &Authorizer{verifier, issuer, audience, scope}, nil
}

// identity is what a JWT authorizer passes on to the function.
type identity struct {
	Claims map[string]string `json:"claims"`
	// Scopes are the route's scopes that the token has; null on a route without.
	Scopes []string `json:"scopes"`
}

// unauthorized is a 401. The guide's "Troubleshooting issues with HTTP API JWT
// authorizers" tells causes apart by its WWW-Authenticate header.
func unauthorized(why string) *answer {
	a := failure(http.StatusUnauthorized, "Unauthorized", why)
	a.header.Set("Www-Authenticate", fmt.Sprintf("Bearer scope=\"\" error=\"invalid_token\" error_description=%q", why))
	return &a
}

// check verifies the request's token.
func (a *Authorizer) check(r *http.Request, now time.Time) (*identity, *answer) {
	raw := r.Header.Get("Authorization")
	if scheme, rest, found := strings.Cut(raw, " "); found && strings.EqualFold(scheme, "Bearer") {
		raw = rest
	}
	if raw == "" {
		refusal := failure(http.StatusUnauthorized, "Unauthorized", "no token")
		refusal.header.Set("Www-Authenticate", "Bearer")
		return nil, &refusal
	}
	token, err := a.verifier.Verify(r.Context(), raw)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, unauthorized("the token has expired")
	case err != nil:
		return nil, unauthorized("the token is not valid")
	case token.Issuer != a.issuer:
		return nil, unauthorized("invalid issuer")
	case token.IssuedAt.After(now):
		return nil, unauthorized("the token was issued in the future")
	}
	claims, err := decodeClaims(token)
	if err != nil {
		return nil, unauthorized("the token's claims are not a JSON object")
	}
	audience := token.Audience
	if len(audience) == 0 {
		audience = []string{fmt.Sprint(claims["client_id"])}
	}
	if !slices.Contains(audience, a.audience) {
		return nil, unauthorized("the token does not have a valid audience")
	}
	who := &identity{Claims: claimsAsText(claims)}
	if a.scope == "" {
		return who, nil
	}
	if !slices.Contains(scopesOf(claims), a.scope) {
		const why = "the token does not have a required scope"
		refusal := failure(http.StatusForbidden, "Forbidden", why)
		refusal.header.Set("Www-Authenticate",
			fmt.Sprintf("Bearer scope=%q error=\"insufficient_scope\" error_description=%q", a.scope, why))
		return nil, &refusal
	}
	who.Scopes = []string{a.scope}
	return who, nil
}

func decodeClaims(token *oidc.IDToken) (map[string]any, error) {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // or 1789000000 becomes 1.789e+09
	var claims map[string]any
	err := decoder.Decode(&claims)
	return claims, err
}

// scopesOf reads scope or scp: words in a string, or an array.
func scopesOf(claims map[string]any) []string {
	for _, name := range []string{"scope", "scp"} {
		switch value := claims[name].(type) {
		case string:
			return strings.Fields(value)
		case []any:
			var all []string
			for _, v := range value {
				all = append(all, fmt.Sprint(v))
			}
			return all
		}
	}
	return nil
}

// claimsAsText is how API Gateway passes claims on: numbers and booleans as text,
// an array as [a b], null left out (reported; the guide shows strings only).
func claimsAsText(claims map[string]any) map[string]string {
	all := make(map[string]string, len(claims))
	for name, value := range claims {
		if value != nil {
			all[name] = fmt.Sprint(value)
		}
	}
	return all
}
