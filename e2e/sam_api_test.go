package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

const backOffice = "https://backoffice.example.com"

// SAM's local gateway runs no authorizer, so both modes let the request through and the local policy decides.
func TestSAMLocalGatewayAnswersPostAndPreflight(t *testing.T) {
	template := rig.Build(t)
	outside := startInDocker(t)
	modes := map[string][]string{
		"JWT": {"AuthMode=JWT", "JwtIssuer=https://login.example.com", "JwtAudience=atrip-token-broker"},
		"IAM": {"AuthMode=IAM"},
	}
	for mode, parameters := range modes {
		t.Run(mode, func(t *testing.T) {
			gateway, log := startGateway(t, template, outside, parameters...)
			t.Run("a POST is answered with a link", func(t *testing.T) {
				answer, body := send(t, http.MethodPost, gateway, sampleBody, "Content-Type", "application/json")
				if answer.StatusCode != http.StatusOK {
					t.Fatalf("answered %s: %s", answer.Status, body)
				}
				keepsSecret(t, log(), mintedURL(t, body))
				if got := answer.Header.Get("Cache-Control"); got != "no-store" {
					t.Errorf("Cache-Control is %q, want no-store", got)
				}
			})
			t.Run("a bad body is answered with problem+json", func(t *testing.T) {
				answer, body := send(t, http.MethodPost, gateway, `{"orderNo":""}`, "Content-Type", "application/json")
				if answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"InvalidRequest"`) {
					t.Errorf("answered %s: %s", answer.Status, body)
				}
				if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("Content-Type is %q", got)
				}
			})
			t.Run("a preflight names the origin and the method", func(t *testing.T) {
				answer, body := send(t, http.MethodOptions, gateway, "", "Origin", backOffice,
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

// startGateway runs `sam local start-api` until the test ends and returns the route's URL and what it has written.
func startGateway(t *testing.T, template string, outside inDocker, parameters ...string) (route string, log func() string) {
	t.Helper()
	port := freePort(t)
	parameters = append(parameters, "PolicyFile=policies/local.cedar", "CorsOrigins="+backOffice)
	cmd := rig.SAM(t, []string{"local", "start-api", "--template", template, "--skip-pull-image",
		"--warm-containers", "EAGER", "--docker-network", outside.network, "--port", port}, outside.parameters(parameters...)...)
	process := rig.Start(t, cmd, `Running on (http://127\.0\.0\.1:[0-9]+)`)
	return process.Ready[1] + "/getAtripToken.do", process.Output
}

// freePort returns a port of the loopback that was free a moment ago; SAM CLI takes no port 0.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// send makes one request and returns the answer and its body; headers are given as name, value pairs.
func send(t *testing.T, method, url, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, got
}
