package gateway_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/google/go-cmp/cmp"

	"atriptoken/cmd/local/internal/gateway"
)

// issuer is an identity provider that signs any claims.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	documents := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	server := httptest.NewServer(documents)
	t.Cleanup(server.Close)
	documents.SetIssuer(server.URL)
	return issuer{server.URL, key}
}

// token signs good claims with changes; nil takes a claim away.
func (i issuer) token(t *testing.T, changes map[string]any) string {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": i.url, "aud": "ours", "sub": "s", "scope": "a open", "iat": now.Unix() - 1, "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return oidctest.SignIDToken(i.key, "k", oidc.RS256, string(text))
}

func (i issuer) authorizer(t *testing.T, scope string) *gateway.Authorizer {
	t.Helper()
	a, err := gateway.NewAuthorizer(t.Context(), i.url, "ours", scope)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuthorizer_Claims(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	server := serve(t, &gateway.Gateway{Function: replies(`{"statusCode":200}`), Authorizer: i.authorizer(t, "open")})
	now := time.Now()
	for _, row := range []struct {
		name   string
		change map[string]any
		status int
		why    string
	}{
		{"a good token", nil, 200, ""},
		{"one of several audiences", map[string]any{"aud": []string{"other", "ours"}}, 200, ""},
		{"no audience, but the client id", map[string]any{"aud": nil, "client_id": "ours"}, 200, ""},
		{"no audience, another client id", map[string]any{"aud": nil, "client_id": "other"}, 401, "the token does not have a valid audience"},
		{"no audience, no client id", map[string]any{"aud": nil}, 401, "the token does not have a valid audience"},
		{"another audience, but the client id", map[string]any{"aud": "other", "client_id": "ours"}, 401,
			"the token does not have a valid audience"},
		{"another issuer", map[string]any{"iss": "http://other.example.com"}, 401, "invalid issuer"},
		{"expired", map[string]any{"exp": now.Unix() - 60}, 401, "the token has expired"},
		{"issued in the future", map[string]any{"iat": now.Add(time.Hour).Unix()}, 401, "the token was issued in the future"},
		{"not valid yet", map[string]any{"nbf": now.Add(time.Hour).Unix()}, 401, "the token is not valid"},
		{"scopes as a list in scp", map[string]any{"scope": nil, "scp": []string{"a", "open"}}, 200, ""},
		{"another scope", map[string]any{"scope": "opening"}, 403, "the token does not have a required scope"},
		{"no scope", map[string]any{"scope": nil}, 403, "the token does not have a required scope"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			response, body := do(t, "POST", server.URL+path, "", "Authorization", "Bearer "+i.token(t, row.change))
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
			wantHeader := map[int]string{200: "", 401: `Bearer scope="" error="invalid_token" error_description="` + row.why + `"`,
				403: `Bearer scope="open" error="insufficient_scope" error_description="` + row.why + `"`}[row.status]
			if got := response.Header.Get("Www-Authenticate"); got != wantHeader {
				t.Errorf("WWW-Authenticate\n got %s\nwant %s", got, wantHeader)
			}
			if want := map[int]string{200: "", 401: `{"message":"Unauthorized"}`, 403: `{"message":"Forbidden"}`}[row.status]; body != want {
				t.Errorf("body %s, want %s", body, want)
			}
		})
	}
}

func TestAuthorizer_Header(t *testing.T) {
	t.Parallel()
	i, other := newIssuer(t), newIssuer(t)
	server := serve(t, &gateway.Gateway{Function: replies(`{"statusCode":200}`), Authorizer: i.authorizer(t, "open")})
	good := i.token(t, nil)
	const invalid = `Bearer scope="" error="invalid_token" error_description="the token is not valid"`
	for _, row := range []struct {
		name, authorization string
		status              int
		says                string
	}{
		{"the scheme in another case", "bEARER " + good, 200, ""},
		{"no scheme", good, 200, ""},
		{"no token", "", 401, "Bearer"},
		{"not a token", "Bearer x", 401, invalid},
		{"another signature", good[:strings.LastIndex(good, ".")] + ".AAAA", 401, invalid},
		{"another issuer's key", other.token(t, map[string]any{"iss": i.url}), 401, invalid},
	} {
		response, _ := do(t, "POST", server.URL+path, "", "Authorization", row.authorization)
		if got := response.Header.Get("Www-Authenticate"); response.StatusCode != row.status || got != row.says {
			t.Errorf("%s: %d %s, want %d %s", row.name, response.StatusCode, got, row.status, row.says)
		}
	}
}

func TestAuthorizer_PassesClaimsAsText(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var raw []byte
	keep := function(func(_ context.Context, event []byte) ([]byte, error) { raw = event; return []byte(`{}`), nil })
	server := serve(t, &gateway.Gateway{Function: keep, Authorizer: i.authorizer(t, "open")})
	claims := map[string]any{
		"groups": []string{"one", "two words"}, "email_verified": true, "exp": 4102444800, "name": "A", "middle": json.RawMessage("null"),
	}
	do(t, "POST", server.URL+path, "", "Authorization", i.token(t, claims))
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("a claim is not text: %v", err)
	}
	got := e.RequestContext.Authorizer.JWT
	delete(got.Claims, "iat")
	want := events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Scopes: []string{"open"}, Claims: map[string]string{
		"iss": i.url, "aud": "ours", "sub": "s", "scope": "a open", "exp": "4102444800",
		"groups": "[one two words]", "email_verified": "true", "name": "A",
	}}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("jwt (-want +got):\n%s", diff)
	}
	server = serve(t, &gateway.Gateway{Function: keep, Authorizer: i.authorizer(t, "")})
	if do(t, "POST", server.URL+path, "", "Authorization", i.token(t, nil)); !strings.Contains(string(raw), `"scopes":null`) {
		t.Error("scopes are not null on a route that requires none")
	}
}

func TestAuthorizer_NeedsItsIssuer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	defer server.Close()
	if _, err := gateway.NewAuthorizer(t.Context(), server.URL, "a", ""); err == nil || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("error %v, want one that names %s", err, server.URL)
	}
}
