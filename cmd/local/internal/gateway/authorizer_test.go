package gateway_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"atriptoken/cmd/local/internal/gateway"
	"atriptoken/cmd/local/internal/idp"
)

// issuer starts the example identity provider on a port of its own.
func issuer(t *testing.T) (*idp.Provider, string) {
	t.Helper()
	var provider *idp.Provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	provider, err := idp.New(idp.Config{Issuer: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return provider, server.URL
}

func token(t *testing.T, p *idp.Provider, opts idp.TokenOptions) string {
	t.Helper()
	signed, err := p.AccessToken(idp.Operator{Email: "amelia@example.com", Groups: []string{"one", "two words"}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestAuthorizer(t *testing.T) {
	t.Parallel()
	provider, url := issuer(t)
	stranger, _ := issuer(t)
	impostor, err := idp.New(idp.Config{Issuer: url}) // the right issuer's name, another key
	if err != nil {
		t.Fatal(err)
	}
	authorizer, err := gateway.NewAuthorizer(t.Context(), url, idp.Audience)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, &gateway.Gateway{
		Function: says(`{"statusCode":200}`), Authorizer: authorizer,
		Routes: []gateway.Route{{Key: postRoute, Scopes: []string{idp.Scope}}, {Key: "POST /any"}, {Key: "POST /open", Open: true}},
	})
	good := token(t, provider, idp.TokenOptions{})
	invalid := func(why string) string {
		return `Bearer scope="" error="invalid_token" error_description="` + why + `"`
	}
	for _, row := range []struct {
		name, path, authorization string
		status                    int
		says                      string
	}{
		{"a good token", "/getAtripToken.do", "Bearer " + good, 200, ""},
		{"a good token, scheme in another case", "/getAtripToken.do", "bEARER " + good, 200, ""},
		{"a good token without a scheme", "/getAtripToken.do", good, 200, ""},
		{"no token", "/getAtripToken.do", "", 401, "Bearer"},
		{"no token on an open route", "/open", "", 200, ""},
		{"not a token", "/getAtripToken.do", "Bearer x", 401, invalid("the token is not valid")},
		{"another signature", "/getAtripToken.do", "Bearer " + good[:strings.LastIndex(good, ".")] + ".AAAA", 401, invalid("the token is not valid")},
		{"another key under the issuer's name", "/getAtripToken.do", token(t, impostor, idp.TokenOptions{}), 401, invalid("the token is not valid")},
		{"another issuer", "/getAtripToken.do", token(t, stranger, idp.TokenOptions{}), 401, invalid("the token is not valid")},
		{"another issuer's name under the issuer's key", "/getAtripToken.do", token(t, provider, idp.TokenOptions{Issuer: "http://other.example.com"}), 401,
			invalid("invalid issuer")},
		{"expired", "/getAtripToken.do", token(t, provider, idp.TokenOptions{Lifetime: -time.Minute}), 401, invalid("the token has expired")},
		{"another audience", "/getAtripToken.do", token(t, provider, idp.TokenOptions{Audience: "other"}), 401,
			invalid("the token does not have a valid audience")},
		{"without the scope", "/getAtripToken.do", token(t, provider, idp.TokenOptions{Scope: "openid"}), 403,
			`Bearer scope="atrip/open" error="insufficient_scope" error_description="the token does not have a required scope"`},
		{"without the scope where none is asked for", "/any", token(t, provider, idp.TokenOptions{Scope: "openid"}), 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			response, body := do(t, "POST", server.URL+row.path, "", "Authorization", row.authorization)
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
			if got := response.Header.Get("Www-Authenticate"); got != row.says {
				t.Errorf("WWW-Authenticate\n got %s\nwant %s", got, row.says)
			}
			want := map[int]string{200: "", 401: `{"message":"Unauthorized"}`, 403: `{"message":"Forbidden"}`}[row.status]
			if body != want {
				t.Errorf("body %s, want %s", body, want)
			}
		})
	}
}

func TestClaimsAreHandedOverAsText(t *testing.T) {
	t.Parallel()
	provider, url := issuer(t)
	authorizer, err := gateway.NewAuthorizer(t.Context(), url, idp.Audience)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	server := serve(t, &gateway.Gateway{
		Authorizer: authorizer,
		Routes:     []gateway.Route{{Key: postRoute, Scopes: []string{"another", idp.Scope}}, {Key: "POST /any"}},
		Function:   function(func(_ context.Context, event []byte) ([]byte, error) { raw = event; return []byte(`{}`), nil }),
	})
	bearer := token(t, provider, idp.TokenOptions{})
	do(t, "POST", server.URL+"/getAtripToken.do", "", "Authorization", bearer)
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("a claim is no text: %v", err)
	}
	got := e.RequestContext.Authorizer.JWT
	for name, want := range map[string]string{
		"email": "amelia@example.com", "groups": "[one two words]", "email_verified": "true", "scope": "openid email atrip/open", "iss": url,
	} {
		if got.Claims[name] != want {
			t.Errorf("claim %s is %q, want %q", name, got.Claims[name], want)
		}
	}
	if exp := got.Claims["exp"]; len(exp) != 10 || strings.ContainsAny(exp, ".e") {
		t.Errorf("claim exp is %q, want whole seconds", exp)
	}
	if diff := cmp.Diff([]string{idp.Scope}, got.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	do(t, "POST", server.URL+"/any", "", "Authorization", bearer)
	if !strings.Contains(string(raw), `"scopes":null`) {
		t.Error("scopes are not null on a route that asks for none")
	}
}

// mint starts an issuer that signs any claims, and returns it with its signature
// over claims.
func mint(t *testing.T, claims func(issuer string) map[string]any) (issuer, token string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	reply := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	mux.HandleFunc("/.well-known/openid-configuration", reply(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"}))
	mux.HandleFunc("/keys", reply(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}}))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err = jwt.Signed(signer).Claims(claims(server.URL)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, token
}

func TestAuthorizerChecksTimesAudienceAndScopesInEveryForm(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, row := range []struct {
		name   string
		change map[string]any
		status int
	}{
		{"a good token", nil, 200},
		{"several audiences, one of them ours", map[string]any{"aud": []string{"other", "ours"}}, 200},
		{"no audience, but our client id", map[string]any{"aud": nil, "client_id": "ours"}, 200},
		{"no audience, another client id", map[string]any{"aud": nil, "client_id": "other"}, 401},
		{"neither", map[string]any{"aud": nil}, 401},
		{"another audience, our client id: aud counts", map[string]any{"aud": "other", "client_id": "ours"}, 401},
		{"issued in the future", map[string]any{"iat": now.Add(time.Hour).Unix()}, 401},
		{"not valid before an hour has passed", map[string]any{"nbf": now.Add(time.Hour).Unix()}, 401},
		{"scopes as a list in scp", map[string]any{"scope": nil, "scp": []string{"a", "open"}}, 200},
		{"another scope", map[string]any{"scope": "opening"}, 403},
		{"no scope", map[string]any{"scope": nil}, 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			issuer, token := mint(t, func(issuer string) map[string]any {
				claims := map[string]any{
					"iss": issuer, "aud": "ours", "sub": "s", "scope": "a open", "iat": now.Unix() - 1, "exp": now.Add(time.Hour).Unix(),
				}
				for name, value := range row.change {
					if claims[name] = value; value == nil {
						delete(claims, name)
					}
				}
				return claims
			})
			authorizer, err := gateway.NewAuthorizer(t.Context(), issuer, "ours")
			if err != nil {
				t.Fatal(err)
			}
			server := serve(t, &gateway.Gateway{
				Function: says(`{}`), Authorizer: authorizer, Routes: []gateway.Route{{Key: postRoute, Scopes: []string{"open"}}},
			})
			if response, _ := do(t, "POST", server.URL+"/getAtripToken.do", "", "Authorization", token); response.StatusCode != row.status {
				t.Errorf("status %d, want %d: %s", response.StatusCode, row.status, response.Header.Get("Www-Authenticate"))
			}
		})
	}
}

func TestAuthorizerNeedsItsIssuer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := gateway.NewAuthorizer(t.Context(), server.URL, "a"); err == nil || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("error %v, want one that names %s", err, server.URL)
	}
}
