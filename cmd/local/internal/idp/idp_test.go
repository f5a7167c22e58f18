package idp_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"atriptoken/cmd/local/internal/idp"
)

const (
	origin   = "http://console.example.com"
	callback = origin + "/signed-in"
	verifier = "a-verifier-of-at-least-forty-three-characters-0123"
)

func start(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	provider, err := idp.New("http://"+server.Listener.Addr().String(), []string{origin}, "groups", idp.Examples)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// send makes a request from the console's page; redirects are not followed.
func send(t *testing.T, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	response, err := http.DefaultTransport.RoundTrip(r)
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

// with returns a copy of values in which name is value.
func with(values url.Values, name, value string) url.Values {
	changed := url.Values{name: {value}}
	for n, v := range values {
		if n != name {
			changed[n] = v
		}
	}
	return changed
}

// request is a good authorization request.
func request() url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {idp.ClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s1"}, "nonce": {"n1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
}

// exchange signs Amelia in, and returns a good request for her tokens.
func exchange(t *testing.T, issuer string) url.Values {
	t.Helper()
	response, body := send(t, "POST", issuer+"/auth?"+request().Encode(), url.Values{"operator": {"amelia@example.com"}})
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(back.String(), callback+"?") {
		t.Fatalf("status %d, sent back to %s, %v: %s", response.StatusCode, back, err, body)
	}
	if back.Query().Get("state") != "s1" || back.Query().Get("iss") != issuer {
		t.Errorf("sent back to %s", back)
	}
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {idp.ClientID}, "redirect_uri": {callback},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier},
	}
}

func TestProvider_SignsIn(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	response, body := send(t, "POST", issuer+"/token", exchange(t, issuer))
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
	provider, err := oidc.NewProvider(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	access, err := provider.Verifier(&oidc.Config{ClientID: idp.Audience}).Verify(t.Context(), tokens.AccessToken)
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
	id, err := provider.Verifier(&oidc.Config{ClientID: idp.ClientID}).Verify(t.Context(), tokens.IDToken)
	if err != nil || id.Nonce != "n1" {
		t.Errorf("id token: %v, nonce %q", err, id.Nonce)
	}
}

func TestProvider_PageHasNoMarkupOfTheRequest(t *testing.T) {
	t.Parallel()
	_, body := send(t, "GET", start(t)+"/auth?"+with(request(), "state", `"><script>alert(1)</script>`).Encode(), nil)
	if !strings.Contains(body, `value="amelia@example.com"`) || strings.Contains(body, "<script>") {
		t.Errorf("no button, or the state is markup:\n%s", body)
	}
}

func TestProvider_RefusesRequests(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	auth := func(name, value string) string { return "/auth?" + with(request(), name, value).Encode() }
	for _, row := range []struct{ name, path, operator, says string }{
		{"another client", auth("client_id", "other"), "amelia@example.com", "client_id must be"},
		{"a page of another origin", auth("redirect_uri", "http://other.example.com/"), "amelia@example.com",
			"redirect_uri must be a page of " + origin},
		{"an origin that only begins alike", auth("redirect_uri", origin+".example.net/"), "amelia@example.com",
			"redirect_uri must be a page of"},
		{"the implicit flow", auth("response_type", "token"), "amelia@example.com", "response_type must be code"},
		{"no challenge", auth("code_challenge", ""), "amelia@example.com", "PKCE is required"},
		{"a plain challenge", auth("code_challenge_method", "plain"), "amelia@example.com", "PKCE is required"},
		{"an unknown operator", auth("state", "s1"), "eve@example.com", "no such operator"},
		{"a token of an unknown operator", "/dev-token?user=eve@example.com", "", "user must be one of amelia@example.com"},
		{"a lifetime that is not one", "/dev-token?user=finn@example.com&lifetime=soon", "", "lifetime must be a duration"},
		{"a lifetime of zero", "/dev-token?user=finn@example.com&lifetime=0s", "", "lifetime must be a duration"},
	} {
		method := "POST"
		if row.operator == "" {
			method = "GET"
		}
		response, body := send(t, method, issuer+row.path, url.Values{"operator": {row.operator}})
		if response.StatusCode != 400 || !strings.Contains(body, row.says) {
			t.Errorf("%s: %d %s, want 400 and %q", row.name, response.StatusCode, body, row.says)
		}
	}
}

func TestProvider_RefusesCodes(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	used := exchange(t, issuer)
	send(t, "POST", issuer+"/token", used)
	for name, form := range map[string]url.Values{
		"another verifier": with(exchange(t, issuer), "code_verifier", "other"),
		"another client":   with(exchange(t, issuer), "client_id", "other"),
		"another page":     with(exchange(t, issuer), "redirect_uri", origin),
		"another grant":    with(exchange(t, issuer), "grant_type", "password"),
		"a used code":      used,
	} {
		response, body := send(t, "POST", issuer+"/token", form)
		if response.StatusCode != 400 || body != `{"error":"invalid_grant"}` {
			t.Errorf("%s: %d %s, want 400 invalid_grant", name, response.StatusCode, body)
		}
	}
}
