// Package examples runs every file of docs/examples against the built function.
package examples

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/aws/aws-sdk-go-v2/service/lambda" // imported by docs/examples/invoke.go

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

const order = "XPFIW20220209163159425"

var (
	dir       = filepath.Join(rig.Root(), "docs/examples")
	bootstrap string
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		panic(err)
	}
	if bootstrap, err = lambdatest.BuildFunction(context.Background(), dir); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// broker is the function with simulators as its upstreams.
type broker struct {
	atlas    *atlastest.Server
	function *lambdatest.Function
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{atlas: atlastest.NewServer(nil)}
	t.Cleanup(b.atlas.Close)
	secrets := secrettest.NewServer(nil)
	t.Cleanup(secrets.Close)
	var err error
	b.function, err = lambdatest.Start(t.Context(), lambdatest.Options{Path: bootstrap, Env: map[string]string{
		"ATLAS_BASE_URL": b.atlas.URL, "ATLAS_SECRET_ARN": secrets.ARN, "ATLAS_ATTEMPT_TIMEOUT": "2s",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL, "LAMBDA_TASK_ROOT": filepath.Dir(bootstrap),
		"AWS_REGION": rig.Region, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.function.Stop)
	return b
}

// invoke invokes the function through an alias. answer is the decoded reply.
func (b *broker) invoke(t *testing.T, alias string, event any) (answer map[string]any, reply lambdatest.Reply) {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	reply, err = b.function.Invoke(t.Context(), text, &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":" + alias})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reply.Payload, &answer); err != nil {
		t.Fatalf("%s: %v", reply.Payload, err)
	}
	return answer, reply
}

// isLink reports whether url leads to the simulator's portal.
func (b *broker) isLink(url any) bool {
	s, ok := url.(string)
	return ok && strings.HasPrefix(s, b.atlas.URL+"/")
}

// read decodes a JSON file of the repository.
func read[T any](t *testing.T, path string) T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(), path))
	if err != nil {
		t.Fatal(err)
	}
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return value
}

func TestInvoke(t *testing.T) {
	b := newBroker(t)
	// Lambda's Invoke API.
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		_, reply := b.invoke(t, "service", json.RawMessage(event))
		if reply.Failed() {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		_, _ = w.Write(reply.Payload)
	}))
	defer lambda.Close()
	run := func(role string) (string, error) {
		command := exec.CommandContext(t.Context(), "go", "run", filepath.Join(dir, "invoke.go"),
			lambdatest.DefaultFunctionARN+":service", order, "amelia@example.com", role)
		command.Dir, command.Env = filepath.Join(rig.Root(), "e2e"), rig.Environ("AWS_ENDPOINT_URL_LAMBDA="+lambda.URL)
		out, err := command.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if out, err := run("Finance"); err != nil || !b.isLink(out) {
		t.Errorf("%v %s, want a link", err, out)
	}
	if out, err := run("Boss"); err == nil || !strings.Contains(out, "InvalidRequest: ") {
		t.Errorf("an unknown role: %v %s, want InvalidRequest", err, out)
	}
}
