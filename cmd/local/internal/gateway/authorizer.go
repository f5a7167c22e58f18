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

	"github.com/coreos/go-oidc/v3/oidc"
)

// Authorizer is a JWT authorizer (the guide, "Control access to HTTP APIs with
// JWT authorizers in API Gateway"). Its identity source is the Authorization header,
// with or without the word Bearer.
type Authorizer struct {
	verifier        *oidc.IDTokenVerifier
	audience, scope string
}

// NewAuthorizer reads the issuer's discovery document and keys. A token must name
// audience in aud or, without aud, in client_id; and scope in scope, unless it is "".
func NewAuthorizer(ctx context.Context, issuer, audience, scope string) (*Authorizer, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery of the issuer %s: %w", issuer, err)
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{
		SkipClientIDCheck: true, // the library's error for it has no type
		// "Currently, only RSA-based algorithms are supported."
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512},
	})
	return &Authorizer{verifier, audience, scope}, nil
}

// check verifies the request's token, and returns what the event says of it. The
// guide's "Troubleshooting issues with HTTP API JWT authorizers" distinguishes
// refusals by the WWW-Authenticate header.
func (a *Authorizer) check(r *http.Request) (jwt map[string]any, refusal *answer) {
	if a == nil {
		return nil, nil
	}
	raw := r.Header.Get("Authorization")
	if scheme, rest, found := strings.Cut(raw, " "); found && strings.EqualFold(scheme, "Bearer") {
		raw = rest
	}
	if raw == "" {
		return nil, refuse(http.StatusUnauthorized, "no token", "Bearer")
	}
	invalid := func(why string) *answer {
		return refuse(http.StatusUnauthorized, why, fmt.Sprintf(`Bearer scope="" error="invalid_token" error_description=%q`, why))
	}
	token, err := a.verifier.Verify(r.Context(), raw)
	if _, expired := errors.AsType[*oidc.TokenExpiredError](err); expired {
		return nil, invalid("the token has expired")
	}
	var claims map[string]string
	if err == nil {
		claims, err = claimsAsText(token)
	}
	switch {
	case err != nil:
		return nil, invalid("the token is not valid")
	case !slices.Contains(token.Audience, a.audience) && (len(token.Audience) > 0 || claims["client_id"] != a.audience):
		return nil, invalid("the token does not have a valid audience")
	case a.scope == "":
		return map[string]any{"claims": claims, "scopes": nil}, nil
	case !slices.Contains(strings.Fields(claims["scope"]), a.scope):
		const why = "the token does not have a required scope"
		return nil, refuse(http.StatusForbidden, why,
			fmt.Sprintf(`Bearer scope=%q error="insufficient_scope" error_description=%q`, a.scope, why))
	}
	return map[string]any{"claims": claims, "scopes": []string{a.scope}}, nil
}

func refuse(status int, why, authenticate string) *answer {
	a := failure(status, why)
	a.header.Set("Www-Authenticate", authenticate)
	return a
}

// claimsAsText is how API Gateway passes claims on: numbers and booleans as text,
// an array as [a b], null left out (reported; the guide shows strings only).
func claimsAsText(token *oidc.IDToken) (map[string]string, error) {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // or 1789000000 becomes 1.789e+09
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		return nil, err
	}
	all := make(map[string]string, len(claims))
	for name, value := range claims {
		if value != nil {
			all[name] = fmt.Sprint(value)
		}
	}
	return all, nil
}
