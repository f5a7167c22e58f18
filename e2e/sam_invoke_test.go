package e2e_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// TestSAMLocalInvoke runs `sam local invoke --config-env local` for every sample
// event, with the test's upstreams in place of those of samconfig.toml.
func TestSAMLocalInvoke(t *testing.T) {
	template := rig.Build(t)
	upstream := startUpstreams(t)
	parameters := upstream.parameters(localParameters(t)...)
	for _, name := range lambdatest.EventNames() {
		t.Run(name, func(t *testing.T) {
			reply, log := invoke(t, template, filepath.Join("events", name+".json"), upstream.network, parameters)
			link := mintedURL(t, reply)
			if !strings.HasPrefix(link, upstream.atlas.URL) {
				t.Errorf("the link does not lead to the simulator's portal: %s", link)
			}
			keepsSecret(t, log, link)
		})
	}
}

// TestSAMLocalInvoke_PolicyLayer runs the function with a policy that only a layer has, which SAM CLI downloads from Lambda.
func TestSAMLocalInvoke_PolicyLayer(t *testing.T) {
	var layer bytes.Buffer
	archive := zip.NewWriter(&layer)
	file, err := archive.Create("mine.cedar")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = file.Write([]byte(`@id("mine") permit (principal is Service, action, resource);`)) // to memory
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/layer.zip" {
			_, _ = w.Write(layer.Bytes())
			return
		}
		fmt.Fprintf(w, `{"Content":{"Location":"http://%s/layer.zip"}}`, r.Host)
	}))
	defer lambda.Close()
	template, upstream := rig.Build(t), startUpstreams(t)
	parameters := upstream.parameters("PolicyFile=/opt/mine.cedar",
		"PolicyLayerArn=arn:aws:lambda:"+rig.Region+":123456789012:layer:atrip-policy:1")
	reply, _ := invoke(t, template, "events/plain.json", upstream.network, parameters,
		"AWS_ENDPOINT_URL_LAMBDA="+lambda.URL, "SAM_LAYER_CACHE_BASEDIR="+t.TempDir())
	mintedURL(t, reply[max(0, bytes.IndexByte(reply, '{')):]) // SAM CLI prints the download before it
}

// localParameters returns the stack's parameters in samconfig.toml's environment
// local, without those that depend on the machine.
func localParameters(t *testing.T) []string {
	t.Helper()
	const script = `import tomllib
for item in tomllib.load(open("samconfig.toml", "rb"))["local"]["global"]["parameters"]["parameter_overrides"].items():
    print("=".join(item))`
	all := strings.Split(strings.TrimSpace(rig.Run(t, rig.Tool(t, "python"), "-c", script)), "\n")
	return slices.DeleteFunc(all, func(parameter string) bool {
		name, _, _ := strings.Cut(parameter, "=")
		return name == "Architecture" || name == "AtlasBaseUrl" || name == "SecretsManagerEndpointUrl"
	})
}

// invoke runs `sam local invoke` and returns the function's reply and the log. A function error ends the test: SAM CLI's
// exit code does not report it.
func invoke(t *testing.T, template, event, network string, parameters []string, env ...string) (reply []byte, log string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	config := filepath.Join(rig.Root(), "samconfig.toml")
	cmd := rig.SAM(t, []string{"local", "invoke", "Function", "--config-file", config, "--config-env", "local", "--template", template,
		"--event", event, "--docker-network", network}, parameters...)
	cmd.Stdout, cmd.Stderr, cmd.Env = &stdout, &stderr, append(cmd.Env, env...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("sam local invoke: %v\n%s", err, &stderr)
	}
	reply = bytes.TrimSpace(stdout.Bytes())
	if len(reply) == 0 || bytes.Contains(reply, []byte(`"errorType"`)) {
		t.Fatalf("the function failed: %s\n%s", reply, &stderr)
	}
	return reply, stderr.String()
}
