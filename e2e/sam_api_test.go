package e2e

import (
	"net/http"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

const sampleBody = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Customer service"}`

// TestSAMLocalGateway uses the local policy, as SAM's gateway runs no authorizer.
func TestSAMLocalGateway(t *testing.T) {
	const backOffice = "https://backoffice.example.com"
	template, upstream := rig.Build(t), startUpstreams(t)
	for mode, parameters := range map[string][]string{
		"JWT": {"AuthMode=JWT", "JwtIssuer=https://login.example.com", "JwtAudience=atrip-token-broker"},
		"IAM": {"AuthMode=IAM"},
	} {
		t.Run(mode, func(t *testing.T) {
			parameters := append(parameters, "PolicyFile=policies/local.cedar", "CorsOrigins="+backOffice)
			gateway := rig.Start(t, rig.SAM(t, []string{"local", "start-api", "--template", template, "--skip-pull-image", "--disable-authorizer",
				"--warm-containers", "EAGER", "--docker-network", upstream.network, "--port", "0"}, upstream.parameters(parameters...)...),
				`Running on (http://127\.0\.0\.1:[0-9]+)`)
			url := gateway.Ready[1] + "/getAtripToken.do"
			answer, body := rig.Send(t, http.MethodPost, url, sampleBody, "Content-Type", "application/json")
			if answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("answered %s, Cache-Control %q: %s", answer.Status, answer.Header.Get("Cache-Control"), body)
			}
			hasLink(t, upstream.atlas, body, gateway.Output())

			answer, body = rig.Send(t, http.MethodPost, url, `{"orderNo":""}`, "Content-Type", "application/json")
			if answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"InvalidRequest"`) ||
				answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("an invalid body: answered %s as %q: %s", answer.Status, answer.Header.Get("Content-Type"), body)
			}

			answer, body = rig.Send(t, http.MethodOptions, url, "", "Origin", backOffice,
				"Access-Control-Request-Method", http.MethodPost, "Access-Control-Request-Headers", "authorization,content-type")
			if answer.StatusCode/100 != 2 || answer.Header.Get("Access-Control-Allow-Origin") != backOffice ||
				!strings.Contains(answer.Header.Get("Access-Control-Allow-Methods"), http.MethodPost) {
				t.Errorf("a preflight request: answered %s with %v: %s", answer.Status, answer.Header, body)
			}
		})
	}
}
