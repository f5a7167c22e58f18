package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// One deployment serves two accounts, each with its own address and secret, and
// a candidate policy beside the enforced one.
func TestTwoAccountsAndACandidatePolicy(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	const otherSecret = "MARKED-other-secret-31bd"
	other := atlastest.NewServer(&atlastest.Options{ClientID: "brand-b", ClientSecret: otherSecret})
	t.Cleanup(other.Close)
	// The simulator of Secrets Manager holds one secret: the other account has
	// its credentials in a simulator of its own behind the same address.
	secrets := secrettest.NewServer(&secrettest.Options{Value: fmt.Sprintf(`{"clientId":"brand-b","clientSecret":%q}`, otherSecret)})
	t.Cleanup(secrets.Close)
	both := bothSecrets(t, env["AWS_ENDPOINT_URL_SECRETS_MANAGER"], secrets)
	env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = both

	dir := t.TempDir()
	for name, text := range map[string]string{
		"mine.cedar": `@id("b") permit(principal is Service, action, resource) when { context.account == "brand-b" && context.role == "Admin" };
			@id("default") permit(principal is Service, action, resource) when { context.account == "default" && context.role != "Admin" };`,
		"next.cedar": `@id("next") permit(principal is Service, action, resource) when { context.role == "Admin" };`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env["ATRIP_POLICY_FILE"], env["ATRIP_POLICY_CANDIDATE_FILE"] = filepath.Join(dir, "mine.cedar"), filepath.Join(dir, "next.cedar")
	env["ATRIP_ACCOUNTS"] = fmt.Sprintf(`{"brand-b":{"baseUrl":%q,"secretArn":"brand-b"}}`, other.URL)
	f := start(t, env)
	for _, row := range []struct {
		role, url string
		differs   float64
	}{{"Admin", other.URL, 0}, {"Finance", atlas.URL, 1}} {
		reply, err := f.Invoke(t.Context(), []byte(strings.Replace(event, "Finance", row.role, 1)),
			&lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":service"})
		if err != nil || reply.Failed() || !strings.Contains(string(reply.Payload), row.url) {
			t.Fatalf("%s: %v %s %s", row.role, err, reply.ErrorType, reply.ErrorMessage)
		}
	}
	f.Stop()
	var differs []float64
	for line := range strings.Lines(f.Stdout()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if d, ok := m["CandidateDiffers"].(float64); ok {
			differs = append(differs, d)
		}
		if m["coldStart"] == true && (m["Policies"] != 2.0 || m["PolicyAgeSeconds"].(float64) <= 0) {
			t.Errorf("a cold start tells of %v policies, %v s old", m["Policies"], m["PolicyAgeSeconds"])
		}
	}
	if len(differs) != 2 || differs[0] != 0 || differs[1] != 1 {
		t.Errorf("the candidate differs %v", differs)
	}
	if out := f.Stdout() + f.Stderr(); strings.Contains(out, "MARKED") {
		t.Error("a secret is in the output")
	}
}

// bothSecrets serves the secret brand-b from one simulator and every other from
// the one at url, and returns its own address.
func bothSecrets(t *testing.T, url string, brandB *secrettest.Server) string {
	t.Helper()
	rest, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(rest)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "cut", http.StatusBadRequest)
			return
		}
		to := http.Handler(proxy)
		if bytes.Contains(body, []byte(`"brand-b"`)) {
			body = bytes.Replace(body, []byte(`"brand-b"`), []byte(`"`+brandB.ARN+`"`), 1)
			to = brandB.Config.Handler
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		to.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
