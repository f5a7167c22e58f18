package e2e_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// settings are the parameters that a caller's events need.
var settings = map[string][]string{
	"appsync-cognito":  {"OperatorGroupsClaim=cognito:groups"},
	"rest-api-cognito": {"OperatorGroupsClaim=cognito:groups"},
}

// refused are the callers without an identity.
var refused = map[string]bool{"load-balancer": true, "load-balancer-multi-value": true}

func TestSAMLocalInvoke(t *testing.T) {
	template := rig.Build(t)
	upstream := startUpstreams(t)
	events, err := filepath.Glob(filepath.Join(rig.Root(), "events", "*.json"))
	if err != nil || len(events) == 0 {
		t.Fatalf("no sample events: %v", err)
	}
	for _, event := range events {
		caller := strings.TrimSuffix(filepath.Base(event), ".json")
		t.Run(caller, func(t *testing.T) {
			reply, log := invoke(t, template, event, upstream, settings[caller]...)
			if refused[caller] {
				if !bytes.Contains(reply, []byte(`"statusCode": 403`)) || !bytes.Contains(reply, []byte("NotPermitted")) {
					t.Errorf("want NotPermitted, got %s", reply)
				}
				return
			}
			link := mintedURL(t, reply)
			if !strings.HasPrefix(link, upstream.atlas.URL) {
				t.Errorf("the link does not lead to the simulator's portal: %s", link)
			}
			keepsSecret(t, log, link)
		})
	}
}

// invoke runs `sam local invoke` and returns the function's reply and the log. A function error ends the test: SAM CLI's
// exit code does not report it.
func invoke(t *testing.T, template, event string, upstream upstreams, parameters ...string) (reply []byte, log string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := rig.SAM(t, []string{"local", "invoke", "Function", "--template", template, "--event", event,
		"--skip-pull-image", "--docker-network", upstream.network}, upstream.parameters(parameters...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("sam local invoke: %v\n%s", err, &stderr)
	}
	reply = bytes.TrimSpace(stdout.Bytes())
	if len(reply) == 0 || bytes.Contains(reply, []byte(`"errorType"`)) {
		t.Fatalf("the function failed: %s\n%s", reply, &stderr)
	}
	return reply, stderr.String()
}
