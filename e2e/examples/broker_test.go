// Package examples runs every file of docs/examples against the built function.
package examples

import (
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

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

const order = "XPFIW20220209163159425"

var dir = filepath.Join(rig.Root(), "docs/examples")

// broker is the running function.
type broker struct{ *rig.Broker }

func newBroker(t *testing.T) broker {
	t.Helper()
	b := broker{rig.NewBroker(t, rig.Bootstrap(t), nil, nil)}
	b.Start(t)
	return b
}

// invoke invokes the function through an alias. answer is the decoded reply.
func (b broker) invoke(t *testing.T, alias string, event any) (answer map[string]any, reply lambdatest.Reply) {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	reply, err = b.Invoke(t.Context(), text, &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":" + alias})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reply.Payload, &answer); err != nil {
		t.Fatalf("%s: %v", reply.Payload, err)
	}
	return answer, reply
}

// isLink reports whether url leads to the simulator's portal.
func (b broker) isLink(url any) bool {
	s, ok := url.(string)
	return ok && strings.HasPrefix(s, b.Atlas.URL+"/")
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
