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

func TestProvider_PageListsOperators(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	response, body := send(t, "GET", issuer+"/auth?"+with(request(), "state", `"><script>alert(1)</script>`).Encode(), nil)
	policy := response.Header.Get("Content-Security-Policy")
	if response.StatusCode != http.StatusOK || !strings.Contains(policy, "default-src 'none'") ||
		!strings.Contains(policy, "form-action 'self' "+origin) {
		t.Errorf("status %d, policy %q", response.StatusCode, policy)
	}
	_, home := send(t, "GET", issuer+"/", nil)
	for _, o := range idp.Examples {
		if !strings.Contains(body, `value="`+o.Email+`"`) || !strings.Contains(home, o.Email) {
			t.Errorf("no button for %s, or not on the home page", o.Email)
		}
	}
	if strings.Contains(body, "<script>") {
		t.Error("the state was written into the page as markup")
	}
}

func TestProvider_RefusesRequests(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	for _, row := range []struct{ name, field, value, says string }{
		{"another client", "client_id", "other", "client_id must be"},
		{"a page of another origin", "redirect_uri", "http://other.example.com/", "redirect_uri must be a page of " + origin},
		{"an origin that only begins alike", "redirect_uri", origin + ".example.net/", "redirect_uri must be a page of"},
		{"the implicit flow", "response_type", "token", "response_type must be code"},
		{"no challenge", "code_challenge", "", "PKCE is required"},
		{"a plain challenge", "code_challenge_method", "plain", "PKCE is required"},
	} {
		for _, method := range []string{"GET", "POST"} {
			query := with(request(), row.field, row.value).Encode()
			response, body := send(t, method, issuer+"/auth?"+query, url.Values{"operator": {"amelia@example.com"}})
			if response.StatusCode != 400 || !strings.Contains(body, row.says) {
				t.Errorf("%s, %s: %d %s, want 400 and %q", row.name, method, response.StatusCode, body, row.says)
			}
		}
	}
	response, _ := send(t, "POST", issuer+"/auth?"+request().Encode(), url.Values{"operator": {"eve@example.com"}})
	if response.StatusCode != 400 {
		t.Errorf("an unknown operator: %d, want 400", response.StatusCode)
	}
}

func TestProvider_RefusesCodes(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	for _, row := range []struct{ name, field, value string }{
		{"another verifier", "code_verifier", "other"},
		{"another client", "client_id", "other"},
		{"another page", "redirect_uri", origin},
		{"an unknown code", "code", "other"},
		{"another grant", "grant_type", "password"},
	} {
		response, body := send(t, "POST", issuer+"/token", with(exchange(t, issuer), row.field, row.value))
		if response.StatusCode != 400 || body != `{"error":"invalid_grant"}` {
			t.Errorf("%s: %d %s, want 400 invalid_grant", row.name, response.StatusCode, body)
		}
	}
	once := exchange(t, issuer)
	send(t, "POST", issuer+"/token", once)
	if response, _ := send(t, "POST", issuer+"/token", once); response.StatusCode != 400 {
		t.Errorf("a used code: %d, want 400", response.StatusCode)
	}
}

func TestProvider_DevToken(t *testing.T) {
	t.Parallel()
	issuer := start(t)
	for _, row := range []struct {
		name, query string
		status      int
		says        string
	}{
		{"a known operator", "user=finn@example.com", 200, "eyJ"},
		{"an expired token", "user=finn@example.com&lifetime=-10m", 200, "eyJ"},
		{"an unknown operator", "user=eve@example.com", 400, "user must be one of amelia@example.com"},
		{"a lifetime that is not one", "user=finn@example.com&lifetime=soon", 400, "lifetime must be a duration"},
		{"a lifetime of zero", "user=finn@example.com&lifetime=0s", 400, "lifetime must be a duration"},
	} {
		response, body := send(t, "GET", issuer+"/dev-token?"+row.query, nil)
		if response.StatusCode != row.status || !strings.HasPrefix(body, row.says) {
			t.Errorf("%s: %d %s, want %d %s", row.name, response.StatusCode, body, row.status, row.says)
		}
	}
}
