// Package differential compares the built function with an oracle that was
// written from docs/policy.md alone.
package differential

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

const cases = 20_000

// TestDifferential sends random requests of signed-in operators, and checks that
// the function permits exactly those that the documentation permits.
// DIFFERENTIAL_SEED repeats a run.
func TestDifferential(t *testing.T) {
	seed := cmp.Or(os.Getenv("DIFFERENTIAL_SEED"), fmt.Sprint(rand.Uint32()))
	bootstrap, err := lambdatest.BuildFunction(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	secrets := secrettest.NewServer(&secrettest.Options{
		Value: fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, atlastest.DefaultClientID, atlastest.DefaultClientSecret),
	})
	defer secrets.Close()
	function, err := lambdatest.Start(t.Context(), lambdatest.Options{Path: bootstrap, Env: map[string]string{
		"ATLAS_BASE_URL": atlas.URL, "ATLAS_SECRET_ARN": secrets.ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL,
		"AWS_REGION": rig.Region, "AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example",
		"LAMBDA_TASK_ROOT": filepath.Dir(bootstrap),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer function.Stop()
	out, diagnostics, err := rig.Output(t, nil, "python3", "e2e/differential/oracle.py", seed, fmt.Sprint(cases))
	if err != nil {
		t.Fatalf("oracle.py: %v\n%s", err, diagnostics)
	}
	counts := map[string]int{}
	wrong, n := 0, 0
	for line := range strings.Lines(out) {
		n++
		var c struct {
			Event json.RawMessage
			Want  string
			Token json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		counts[c.Want]++
		reply, err := function.Invoke(t.Context(), c.Event, &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":api"})
		if err != nil {
			t.Fatal(err)
		}
		if got := answer(reply); got != c.Want {
			t.Errorf("seed %s, case %d: %s, want %s\ntoken %s\nevent %s", seed, n, got, c.Want, c.Token, c.Event)
			if wrong++; wrong == 10 {
				return
			}
		}
	}
	t.Log(counts)
	for _, answer := range []string{"permitted", "denied", "unidentified"} {
		if counts[answer] < cases/50 {
			t.Errorf("only %d of %d requests are %s", counts[answer], n, answer)
		}
	}
}

// answer is the oracle's word for a reply: the problem's detail shows whether the
// request has an identity.
func answer(reply lambdatest.Reply) string {
	var got struct {
		StatusCode int
		Body       string
		URL        string
	}
	if json.Unmarshal(reply.Payload, &got) != nil {
		return string(reply.Payload)
	}
	text := got.Body + reply.ErrorType + reply.ErrorMessage
	switch {
	case got.StatusCode == 200 || got.URL != "":
		return "permitted"
	case !strings.Contains(text, "NotPermitted"):
		return string(reply.Payload)
	case strings.Contains(text, "carries no identity"):
		return "unidentified"
	}
	return "denied"
}
