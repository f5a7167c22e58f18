package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// TestSAMLocalInvoke runs `sam local invoke` for every sample event, with the parameters of samconfig.toml's environment
// local, and the test's upstreams in place of its own.
func TestSAMLocalInvoke(t *testing.T) {
	config, err := os.ReadFile(filepath.Join(rig.Root(), "samconfig.toml"))
	if err != nil {
		t.Fatal(err)
	}
	_, local, _ := strings.Cut(string(config), "[local.global.parameters.parameter_overrides]\n")
	local, _, _ = strings.Cut(local, "\n\n")
	var parameters []string
	for _, parameter := range regexp.MustCompile(`(?m)^(\w+) = "(.*?)"`).FindAllStringSubmatch(local, -1) {
		parameters = append(parameters, parameter[1]+"="+parameter[2])
	}
	template, upstream := rig.Build(t), startUpstreams(t)
	for _, name := range lambdatest.EventNames() {
		t.Run(name, func(t *testing.T) {
			invoke(t, template, name, upstream, parameters)
		})
	}
}

// TestSAMLocalInvoke_PolicyLayer runs the function with a policy that only a layer has, which SAM CLI downloads from Lambda.
func TestSAMLocalInvoke_PolicyLayer(t *testing.T) {
	policy, layer := filepath.Join(t.TempDir(), "mine.cedar"), filepath.Join(t.TempDir(), "layer.zip")
	write(t, policy, `@id("mine") permit (principal is Service, action, resource);`)
	rig.Run(t, "zip", "-qj", layer, policy)
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/layer.zip" {
			http.ServeFile(w, r, layer)
			return
		}
		fmt.Fprintf(w, `{"Content":{"Location":"http://%s/layer.zip"}}`, r.Host)
	}))
	defer lambda.Close()
	parameters := []string{"PolicyFile=/opt/mine.cedar", "PolicyLayerArn=arn:aws:lambda:" + rig.Region + ":123456789012:layer:atrip-policy:1"}
	invoke(t, rig.Build(t), "plain", startUpstreams(t), parameters,
		"AWS_ENDPOINT_URL_LAMBDA="+lambda.URL, "SAM_LAYER_CACHE_BASEDIR="+t.TempDir())
}

// invoke runs `sam local invoke --config-env local`, whose exit code does not report a function error. The reply must have a link.
func invoke(t *testing.T, template, event string, upstream upstreams, parameters []string, env ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := rig.SAM(t, []string{"local", "invoke", "Function", "--config-file", filepath.Join(rig.Root(), "samconfig.toml"),
		"--config-env", "local", "--template", template, "--event", filepath.Join("events", event+".json"),
		"--docker-network", upstream.network}, upstream.parameters(parameters...)...)
	cmd.Stdout, cmd.Stderr, cmd.Env = &stdout, &stderr, append(cmd.Env, env...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("sam local invoke: %v\n%s", err, &stderr)
	}
	hasLink(t, upstream.atlas, stdout.Bytes(), stderr.String())
}
