package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

const backOffice = "https://backoffice.example.com"

// TestSAMLocalGateway uses the local policy, as SAM's gateway runs no authorizer.
func TestSAMLocalGateway(t *testing.T) {
	template := rig.Build(t)
	upstream := startUpstreams(t)
	modes := map[string][]string{
		"JWT": {"AuthMode=JWT", "JwtIssuer=https://login.example.com", "JwtAudience=atrip-token-broker"},
		"IAM": {"AuthMode=IAM"},
	}
	for mode, parameters := range modes {
		t.Run(mode, func(t *testing.T) {
			gateway, log := startGateway(t, template, upstream, parameters...)
			t.Run("POST", func(t *testing.T) {
				answer, body := rig.Send(t, http.MethodPost, gateway, sampleBody, "Content-Type", "application/json")
				if answer.StatusCode != http.StatusOK {
					t.Fatalf("answered %s: %s", answer.Status, body)
				}
				keepsSecret(t, log(), mintedURL(t, body))
				if got := answer.Header.Get("Cache-Control"); got != "no-store" {
					t.Errorf("Cache-Control is %q, want no-store", got)
				}
			})
			t.Run("invalid body", func(t *testing.T) {
				answer, body := rig.Send(t, http.MethodPost, gateway, `{"orderNo":""}`, "Content-Type", "application/json")
				if answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"InvalidRequest"`) {
					t.Errorf("answered %s: %s", answer.Status, body)
				}
				if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("Content-Type is %q", got)
				}
			})
			t.Run("preflight", func(t *testing.T) {
				answer, body := rig.Send(t, http.MethodOptions, gateway, "", "Origin", backOffice,
					"Access-Control-Request-Method", http.MethodPost, "Access-Control-Request-Headers", "authorization,content-type")
				if answer.StatusCode/100 != 2 {
					t.Fatalf("answered %s: %s", answer.Status, body)
				}
				if got := answer.Header.Get("Access-Control-Allow-Origin"); got != backOffice {
					t.Errorf("Access-Control-Allow-Origin is %q", got)
				}
				if got := answer.Header.Get("Access-Control-Allow-Methods"); !strings.Contains(got, http.MethodPost) {
					t.Errorf("Access-Control-Allow-Methods is %q", got)
				}
			})
		})
	}
}

const sampleBody = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Customer service"}`

// startGateway runs `sam local start-api`. It returns the route's URL and the output so far.
func startGateway(t *testing.T, template string, upstream upstreams, parameters ...string) (route string, log func() string) {
	t.Helper()
	port := freePort(t)
	parameters = append(parameters, "PolicyFile=policies/local.cedar", "CorsOrigins="+backOffice)
	cmd := rig.SAM(t, []string{"local", "start-api", "--template", template, "--skip-pull-image", "--disable-authorizer",
		"--warm-containers", "EAGER", "--docker-network", upstream.network, "--port", port}, upstream.parameters(parameters...)...)
	process := rig.Start(t, cmd, `Running on (http://127\.0\.0\.1:[0-9]+)`)
	return process.Ready[1] + "/getAtripToken.do", process.Output
}

// freePort returns a port that was free a moment ago, for programs that do not accept port 0.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
