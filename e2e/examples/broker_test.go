// Package examples runs every file of docs/examples against the built function.
package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

const order = "XPFIW20220209163159425"

var dir = filepath.Join(rig.Root(), "docs/examples")

// broker is the running function.
type broker struct {
	*lambdatest.Broker
	t *testing.T
}

func newBroker(t *testing.T) broker {
	t.Helper()
	b := broker{lambdatest.NewBroker(t, lambdatest.Bootstrap(t), nil, nil), t}
	b.Start(t)
	return b
}

// invoke invokes the function through an alias. answer is the decoded reply.
func (b broker) invoke(alias string, event any) (answer map[string]any, reply lambdatest.Reply) {
	b.t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		b.t.Fatal(err)
	}
	reply = b.Call(b.t, alias, text)
	if err := json.Unmarshal(reply.Payload, &answer); err != nil {
		b.t.Fatalf("%s: %v", reply.Payload, err)
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
