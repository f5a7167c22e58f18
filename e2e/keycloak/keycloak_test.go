// Package keycloak_test signs operators in at a real Keycloak and sends their
// tokens through the local system.
package keycloak_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"atriptoken/e2e/local"
	"atriptoken/e2e/rig"
)

func TestKeycloak(t *testing.T) {
	issuer := start(t)
	config := filepath.Join(t.TempDir(), "local.yaml")
	if err := os.WriteFile(config, []byte("issuer: "+issuer+"\naudience: atrip-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	system := local.Start(t, "-config="+config)

	for user, status := range map[string]int{"amelia": http.StatusOK, "noel": http.StatusForbidden} { // Noel is in no group
		token := signIn(t, issuer, user)
		response, body := rig.Send(t, "POST", system.API, `{"orderNo":"XPFIW20220209163159425","role":"Customer service"}`,
			"Content-Type", "application/json", "Authorization", "Bearer "+token)
		if response.StatusCode != status || strings.Contains(string(body), `"url":"`+system.Atlas) != (status == http.StatusOK) {
			t.Errorf("%s: %d %s, want %d", user, response.StatusCode, body, status)
		}
		if user == "amelia" {
			likeTheExample(t, token)
		}
	}
	system.Stop() // so that its output is complete
	for _, line := range []string{
		`"operatorName":"amelia@example.com".*"outcome":"OK"`,
		`"operatorName":"noel@example.com".*"outcome":"NotPermitted"`,
	} {
		if !regexp.MustCompile(line).MatchString(system.Output()) {
			t.Errorf("no audit line with %s in\n%s", line, system.Output())
		}
	}
}

// start starts Keycloak with the realm of realm.json and returns its issuer.
func start(t *testing.T) string {
	t.Helper()
	home := filepath.Join(rig.Root(), ".tools", "keycloak")
	realm, err := os.ReadFile("realm.json")
	if err != nil {
		t.Fatal(err)
	}
	imported := filepath.Join(home, "data", "import")
	if err := os.MkdirAll(imported, 0o755); err != nil {
		t.Fatalf("Keycloak is not installed; run make tools: %v", err)
	}
	if err := os.WriteFile(filepath.Join(imported, "realm.json"), realm, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(home, "bin", "kc.sh"), "start", "--optimized", "--import-realm",
		"--http-enabled=true", "--hostname-strict=false", "--http-host=127.0.0.1", "--http-port=0")
	return rig.Start(t, command, `Listening on: (http://[0-9.:]+)`).Ready[1] + "/realms/agency"
}

// signIn signs a user in by the authorization code flow with PKCE, and returns
// the access token.
func signIn(t *testing.T, issuer, user string) string {
	t.Helper()
	endpoint := oauth2.Endpoint{AuthURL: issuer + "/protocol/openid-connect/auth", TokenURL: issuer + "/protocol/openid-connect/token"}
	client := oauth2.Config{ClientID: "back-office", Endpoint: endpoint, RedirectURL: "http://127.0.0.1/", Scopes: []string{"openid"}}
	verifier := oauth2.GenerateVerifier()
	form, text := rig.Send(t, "GET", client.AuthCodeURL("", oauth2.S256ChallengeOption(verifier)), "")
	action := regexp.MustCompile(`<form [^>]*action="([^"]+)"`).FindSubmatch(text)
	if action == nil {
		t.Fatalf("no sign-in page: %s %s", form.Status, text)
	}
	// The cookies are for HTTPS only; a browser makes an exception for this machine.
	var cookies []string
	for _, cookie := range form.Cookies() {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	back, text := rig.Send(t, "POST", html.UnescapeString(string(action[1])), "username="+user+"&password=example",
		"Content-Type", "application/x-www-form-urlencoded", "Cookie", strings.Join(cookies, "; "))
	location, err := back.Location()
	if err != nil {
		t.Fatalf("%s did not sign in: %s %s", user, back.Status, text)
	}
	token, err := client.Exchange(t.Context(), location.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// likeTheExample compares the names of the token's claims with the example's,
// which the tests of cmd/local send.
func likeTheExample(t *testing.T, token string) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(rig.Root(), "cmd/local/testdata/identity-providers/keycloak.json"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(text []byte) []string {
		var claims map[string]any
		if err := json.Unmarshal(text, &claims); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(claims))
	}
	if diff := cmp.Diff(names(example), names(payload)); diff != "" {
		t.Errorf("claims (-example +token):\n%s\n%s", diff, payload)
	}
}
