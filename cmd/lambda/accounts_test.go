package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// One deployment serves two accounts, each with its own address and secret, and
// compares a candidate policy.
func TestFunction_AccountsAndCandidate(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	const otherSecret = "MARKED-other-secret-31bd"
	other := atlastest.NewServer(&atlastest.Options{ClientID: "brand-b", ClientSecret: otherSecret})
	t.Cleanup(other.Close)
	// A simulator has one secret: the other account's is in a second simulator
	// behind the same address.
	secrets := secrettest.NewServer(&secrettest.Options{Value: fmt.Sprintf(`{"clientId":"brand-b","clientSecret":%q}`, otherSecret)})
	t.Cleanup(secrets.Close)
	env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = bothSecrets(t, env["AWS_ENDPOINT_URL_SECRETS_MANAGER"], secrets)

	dir := t.TempDir()
	for name, text := range map[string]string{
		"mine.cedar": `
			@id("b") permit(principal is Service, action, resource)
				when { context.account == "brand-b" && context.role == "Admin" };
			@id("default") permit(principal is Service, action, resource)
				when { context.account == "default" && context.role != "Admin" };`,
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
	for _, line := range auditLines(t, f) {
		differs = append(differs, line["CandidateDiffers"].(float64))
		if line["coldStart"] == true && (line["Policies"] != 2.0 || line["PolicyAgeSeconds"].(float64) <= 0) {
			t.Errorf("a cold start reports %v policies, %v s old", line["Policies"], line["PolicyAgeSeconds"])
		}
	}
	if !slices.Equal(differs, []float64{0, 1}) {
		t.Errorf("CandidateDiffers is %v, want 0 and 1", differs)
	}
	if out := f.Stdout() + f.Stderr(); strings.Contains(out, "MARKED") {
		t.Error("a secret is in the output")
	}
}

// bothSecrets serves the secret brand-b from one simulator and every other one from
// the simulator at url.
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
