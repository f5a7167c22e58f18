package probe_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/internal/probe"
	"atriptoken/secret/secrettest"
)

// TestRun_RealFunction sends the forged events to the built function, whose alias for services is closed to them, and
// through the alias api, which is open: a probe that cannot tell the two is of no use.
func TestRun_RealFunction(t *testing.T) {
	t.Parallel()
	bootstrap, err := lambdatest.BuildFunction(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	atlas, secrets := atlastest.NewServer(nil), secrettest.NewServer(nil)
	t.Cleanup(atlas.Close)
	t.Cleanup(secrets.Close)
	function, err := lambdatest.Start(t.Context(), lambdatest.Options{Path: bootstrap, Env: map[string]string{
		"ATLAS_BASE_URL": atlas.URL, "ATLAS_SECRET_ARN": secrets.ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL,
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example",
		"LAMBDA_TASK_ROOT": filepath.Dir(bootstrap),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(function.Stop)
	for alias, want := range map[string]probe.Verdict{":service": probe.Refused, "": probe.Refused, ":api": probe.LetIn} {
		p := newProbe(t, unauthorized, notPermitted, link)
		p.Link = ""
		lambda := serve(t, func(_ *http.Request, event string) answer {
			reply, err := function.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{
				FunctionARN: lambdatest.DefaultFunctionARN + alias})
			if err != nil {
				t.Error(err)
			}
			return returned(string(reply.Payload))
		})
		p.AWS.BaseEndpoint = &lambda
		for _, check := range p.Run(t.Context()).Closed {
			if strings.HasPrefix(check.Name, "service") && check.Verdict != want {
				t.Errorf("through the alias %q: %s: %s (%s), want %s", alias, check.Name, check.Verdict, check.Answer, want)
			}
		}
	}
	if n := len(atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times, want 0: a forged event must not make a link", n)
	}
}
