package idp_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"atriptoken/cmd/local/internal/idp"
)

const (
	origin   = "http://console.example.com"
	callback = origin + "/signed-in"
	verifier = "a-verifier-of-at-least-forty-three-characters-0123"
)

// clock is a settable clock.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func start(t *testing.T) (url string, c *clock) {
	t.Helper()
	c = &clock{at: time.Now()}
	var provider *idp.Provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	provider, err := idp.New(idp.Config{Issuer: server.URL, RedirectURIs: []string{callback}, ConsoleOrigin: origin, Origins: []string{origin}, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, c
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is a good authorization request, changed by pairs of name and value.
func request(changes ...string) url.Values {
	form := url.Values{
		"client_id": {idp.ClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s1"}, "nonce": {"n1"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"}, "operator": {"amelia@example.com"},
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

// browser does not follow redirects: a test reads them.
var browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func post(t *testing.T, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return send(t, r)
}

func get(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r)
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// code signs amelia in and returns the code of the redirect.
func code(t *testing.T, issuer string) string {
	t.Helper()
	response, body := post(t, issuer+"/authorize", request())
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d, %v: %s", response.StatusCode, err, body)
	}
	if back.Query().Get("state") != "s1" || back.Query().Get("iss") != issuer || !strings.HasPrefix(back.String(), callback+"?") {
		t.Errorf("sent back to %s", back)
	}
	return back.Query().Get("code")
}

func exchange(code string, changes ...string) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {idp.ClientID}, "redirect_uri": {callback},
		"code": {code}, "code_verifier": {verifier},
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func TestSignInByCodeAndPKCE(t *testing.T) {
	t.Parallel()
	issuer, _ := start(t)
	response, body := post(t, issuer+"/token", exchange(code(t, issuer)))
	if response.StatusCode != http.StatusOK || response.Header.Get("Access-Control-Allow-Origin") != origin {
		t.Fatalf("status %d, headers %v: %s", response.StatusCode, response.Header, body)
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil {
		t.Fatal(err)
	}
	if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 {
		t.Errorf("token_type %q, expires_in %d", tokens.TokenType, tokens.ExpiresIn)
	}
	ctx := context.WithoutCancel(t.Context())
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatal(err)
	}
	access, err := provider.Verifier(&oidc.Config{ClientID: idp.Audience}).Verify(ctx, tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Email  string   `json:"email"`
		Groups []string `json:"groups"`
		Scope  string   `json:"scope"`
	}
	if err := access.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"atrip-customer-service"}, claims.Groups); diff != "" || claims.Email != "amelia@example.com" ||
		!strings.Contains(claims.Scope, idp.Scope) {
		t.Errorf("claims %+v %s", claims, diff)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: idp.ClientID}).Verify(ctx, tokens.IDToken)
	if err != nil || id.Nonce != "n1" {
		t.Errorf("id token: %v, nonce %q", err, id.Nonce)
	}
}

func TestPickerNamesEveryOperator(t *testing.T) {
	t.Parallel()
	issuer, _ := start(t)
	response, body := get(t, issuer+"/authorize?"+request("state", `"><script>alert(1)</script>`).Encode())
	if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("status %d, policy %q", response.StatusCode, response.Header.Get("Content-Security-Policy"))
	}
	for _, o := range idp.Operators {
		if !strings.Contains(body, `value="`+o.Email+`"`) {
			t.Errorf("no button for %s", o.Email)
		}
	}
	if strings.Contains(body, "<script>") {
		t.Error("the state was written into the page as markup")
	}
	if _, body := get(t, issuer+"/"); !strings.Contains(body, "ada@example.com") {
		t.Error("the home page does not name the operators")
	}
}

func TestAuthorizationRequestIsRefused(t *testing.T) {
	t.Parallel()
	issuer, _ := start(t)
	for _, row := range []struct{ name, field, value, says string }{
		{"another client", "client_id", "other", "client_id must be"},
		{"an address that is not registered", "redirect_uri", callback + "/evil", "redirect_uri is not one of"},
		{"the implicit flow", "response_type", "token", "response_type must be code"},
		{"no challenge", "code_challenge", "", "PKCE is required"},
		{"a plain challenge", "code_challenge_method", "plain", "PKCE is required"},
		{"an unknown operator", "operator", "eve@example.com", "no such operator"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			form := request(row.field, row.value)
			if response, body := post(t, issuer+"/authorize", form); response.StatusCode != 400 || !strings.Contains(body, row.says) {
				t.Errorf("POST: %d %s, want 400 and %q", response.StatusCode, body, row.says)
			}
			if row.field == "operator" {
				return
			}
			if response, body := get(t, issuer+"/authorize?"+form.Encode()); response.StatusCode != 400 || !strings.Contains(body, row.says) {
				t.Errorf("GET: %d %s, want 400 and %q", response.StatusCode, body, row.says)
			}
		})
	}
}

func TestCodeIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change []string
		says   string
	}{
		{"another verifier", []string{"code_verifier", "other"}, "invalid_grant"},
		{"another client", []string{"client_id", "other"}, "invalid_grant"},
		{"another address", []string{"redirect_uri", origin}, "invalid_grant"},
		{"an unknown code", []string{"code", "other"}, "invalid_grant"},
		{"another grant", []string{"grant_type", "password"}, "unsupported_grant_type"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			issuer, _ := start(t)
			response, body := post(t, issuer+"/token", exchange(code(t, issuer), row.change...))
			if response.StatusCode != 400 || strings.TrimSpace(body) != `{"error":"`+row.says+`"}` {
				t.Errorf("%d %s, want 400 %s", response.StatusCode, body, row.says)
			}
		})
	}
	t.Run("a code used before", func(t *testing.T) {
		t.Parallel()
		issuer, _ := start(t)
		c := code(t, issuer)
		post(t, issuer+"/token", exchange(c))
		if response, _ := post(t, issuer+"/token", exchange(c)); response.StatusCode != 400 {
			t.Errorf("status %d, want 400", response.StatusCode)
		}
	})
	t.Run("a code over a minute old", func(t *testing.T) {
		t.Parallel()
		issuer, clock := start(t)
		c := code(t, issuer)
		clock.at = clock.at.Add(time.Minute)
		if response, _ := post(t, issuer+"/token", exchange(c)); response.StatusCode != 400 {
			t.Errorf("status %d, want 400", response.StatusCode)
		}
	})
}

func TestDevToken(t *testing.T) {
	t.Parallel()
	issuer, _ := start(t)
	for _, row := range []struct {
		name, query string
		status      int
		says        string
	}{
		{"a known operator", "user=finn@example.com", 200, "eyJ"},
		{"an expired token", "user=finn@example.com&lifetime=-10m", 200, "eyJ"},
		{"an unknown operator", "user=eve@example.com", 400, "user must be one of amelia@example.com"},
		{"a lifetime that is none", "user=finn@example.com&lifetime=soon", 400, "lifetime must be a duration"},
		{"no lifetime at all", "user=finn@example.com&lifetime=0s", 400, "lifetime must be a duration"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			response, body := get(t, issuer+"/dev-token?"+row.query)
			if response.StatusCode != row.status || !strings.HasPrefix(body, row.says) {
				t.Errorf("%d %s, want %d %s", response.StatusCode, body, row.status, row.says)
			}
			if response.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("a page of another origin may read the token")
			}
		})
	}
}
