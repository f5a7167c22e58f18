// Package differential compares the built function with an oracle that was
// written from docs/policy.md alone.
package differential

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// perProcess is how many cases one process of the function answers.
const perProcess = 20_000

// TestDifferential sends random requests of signed-in operators, 20,000 or
// DIFFERENTIAL_CASES, and checks that the function permits exactly those that
// the documentation permits. DIFFERENTIAL_SEED repeats a run of 20,000.
func TestDifferential(t *testing.T) {
	cases, seed := number(t, "DIFFERENTIAL_CASES", perProcess), number(t, "DIFFERENTIAL_SEED", int(rand.Uint32()))
	dir := t.TempDir()
	bootstrap, err := lambdatest.BuildFunction(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for done := 0; done < cases && !t.Failed(); done, seed = done+perProcess, seed+1 {
		compare(t, bootstrap, seed, counts)
	}
	t.Log(counts)
	for _, answer := range []string{"permitted", "denied", "unidentified"} {
		if counts[answer] < cases/50 {
			t.Errorf("only %d of %d requests are %s", counts[answer], cases, answer)
		}
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", variable, text)
	}
	return n
}

// compare runs the cases of one seed, and adds the expected answers to counts.
func compare(t *testing.T, bootstrap string, seed int, counts map[string]int) {
	t.Helper()
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

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	oracle := exec.CommandContext(ctx, "python3", "oracle.py", strconv.Itoa(seed), strconv.Itoa(perProcess))
	var diagnostics bytes.Buffer
	oracle.Stderr = &diagnostics
	out, err := oracle.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := oracle.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	wrong := 0
	for n := 0; lines.Scan() && wrong < 10; n++ {
		var c struct {
			Event json.RawMessage
			Want  string
			Token json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		counts[c.Want]++
		reply, err := function.Invoke(t.Context(), c.Event, &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":api"})
		if err != nil {
			t.Fatal(err)
		}
		if got := answer(reply); got != c.Want {
			wrong++
			t.Errorf("seed %d, case %d: %s, want %s\ntoken %s\nevent %s", seed, n, got, c.Want, c.Token, c.Event)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if wrong > 0 {
		return
	}
	if err := oracle.Wait(); err != nil {
		t.Fatalf("oracle.py: %v\n%s", err, &diagnostics)
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
	case !bytes.Contains([]byte(text), []byte("NotPermitted")):
		return string(reply.Payload)
	case bytes.Contains([]byte(text), []byte("carries no identity")):
		return "unidentified"
	}
	return "denied"
}
