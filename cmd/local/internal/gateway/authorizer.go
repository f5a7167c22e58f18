package gateway

import (
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
	verifier *oidc.IDTokenVerifier
	issuer   string
	audience []string
}

// NewAuthorizer reads the issuer's discovery document and keys. A token has to
// name one of audience in aud or, when it has no aud, in client_id.
func NewAuthorizer(ctx context.Context, issuer string, audience ...string) (*Authorizer, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery of the issuer %s: %w", issuer, err)
	}
	return &Authorizer{
		issuer:   issuer,
		audience: audience,
		verifier: provider.VerifierContext(ctx, &oidc.Config{
			// Ours looks at client_id too, which the library does not.
			SkipClientIDCheck: true,
			// The library's error for it can only be told by its words.
			SkipIssuerCheck: true,
			// "Currently, only RSA-based algorithms are supported."
			SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512},
		}),
	}, nil
}

// Refusal is the authorizer's own answer: 401, or 403 for a missing scope.
type Refusal struct {
	// Status is the HTTP status.
	Status int
	// Description says what was wrong, in the WWW-Authenticate header.
	Description string
	// Scopes are the scopes that the route asks for.
	Scopes []string
}

// Error returns the description.
func (r *Refusal) Error() string { return r.Description }

func (r *Refusal) answer() answer {
	if r.Status == http.StatusForbidden {
		a := ownAnswer(r.Status, "Forbidden", r.Description)
		a.headers["www-authenticate"] = fmt.Sprintf("Bearer scope=%q error=\"insufficient_scope\" error_description=%q",
			strings.Join(r.Scopes, " "), r.Description)
		return a
	}
	a := ownAnswer(r.Status, "Unauthorized", r.Description)
	// The header is how the guide's "Troubleshooting issues with HTTP API JWT
	// authorizers" tells causes apart.
	a.headers["www-authenticate"] = "Bearer"
	if r.Description != noToken {
		a.headers["www-authenticate"] = fmt.Sprintf("Bearer scope=\"\" error=\"invalid_token\" error_description=%q", r.Description)
	}
	return a
}

const noToken = "no token"

func unauthorized(description string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Description: description}
}

// check verifies the request's token and returns what the function is told.
func (a *Authorizer) check(r *http.Request, scopes []string, now time.Time) (*jwtContext, *Refusal) {
	raw := r.Header.Get("Authorization")
	if scheme, rest, found := strings.Cut(raw, " "); found && strings.EqualFold(scheme, "Bearer") {
		raw = rest
	}
	if raw == "" {
		return nil, unauthorized(noToken)
	}
	token, err := a.verifier.Verify(r.Context(), raw)
	if err != nil {
		return nil, unauthorized(describe(err))
	}
	if token.Issuer != a.issuer {
		return nil, unauthorized("invalid issuer")
	}
	var claims map[string]any
	if err := decodeClaims(token, &claims); err != nil {
		return nil, unauthorized("the token's claims are not a JSON object")
	}
	if !a.meant(token.Audience, claims["client_id"]) {
		return nil, unauthorized("the token does not have a valid audience")
	}
	if token.IssuedAt.After(now) {
		return nil, unauthorized("the token was issued in the future")
	}
	identity := &jwtContext{Claims: printClaims(claims)}
	if len(scopes) == 0 {
		return identity, nil
	}
	for _, held := range scopesOf(claims) {
		if slices.Contains(scopes, held) {
			identity.Scopes = append(identity.Scopes, held)
		}
	}
	if identity.Scopes == nil {
		return nil, &Refusal{Status: http.StatusForbidden, Description: "the token does not have a required scope", Scopes: scopes}
	}
	return identity, nil
}

// meant is the guide's rule: aud when the token has one, else client_id.
func (a *Authorizer) meant(aud []string, clientID any) bool {
	if len(aud) == 0 {
		id, _ := clientID.(string)
		aud = []string{id}
	}
	return slices.ContainsFunc(aud, func(s string) bool { return slices.Contains(a.audience, s) })
}

func describe(err error) string {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return "the token has expired"
	}
	return "the token is not valid"
}

func decodeClaims(token *oidc.IDToken, into *map[string]any) error {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber() // 1789000000 stays so, not 1.789e+09
	return decoder.Decode(into)
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

// printClaims writes every claim as text, the way API Gateway hands claims to
// Lambda: numbers and booleans in figures and words, an array as [a b]
// (reported by its users; the guide shows strings only).
func printClaims(claims map[string]any) map[string]string {
	printed := make(map[string]string, len(claims))
	for name, value := range claims {
		printed[name] = fmt.Sprint(value)
	}
	return printed
}
