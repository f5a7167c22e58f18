package lambdatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
)

// EventNames returns the names of the sample events in events/.
func EventNames() []string {
	files, err := filepath.Glob(filepath.Join(checkout("events"), "*.json"))
	if err != nil {
		panic(err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return names
}

// Event returns the sample event events/name.json with the edits applied in
// order. It panics if the sample is missing or an edit does not fit.
func Event(name string, edits ...Edit) []byte {
	text, err := os.ReadFile(filepath.Join(checkout("events"), name+".json"))
	if err != nil {
		panic(err)
	}
	var event map[string]any
	if err := json.Unmarshal(text, &event); err != nil {
		panic(fmt.Errorf("events/%s.json: %w", name, err))
	}
	for _, edit := range edits {
		edit(event)
	}
	text, err = json.Marshal(event, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return text
}

// Edit changes an event.
type Edit func(event map[string]any)

// Absent is the value of a member that Set removes.
type Absent struct{}

// Set sets the member at a path, and creates missing objects on the way.
func Set(value any, path ...string) Edit {
	return func(event map[string]any) {
		last := len(path) - 1
		for _, name := range path[:last] {
			if event[name] == nil {
				event[name] = map[string]any{}
			}
			event = event[name].(map[string]any)
		}
		if event[path[last]] = value; value == (Absent{}) {
			delete(event, path[last])
		}
	}
}

// Body sets the request's body.
func Body(text string) Edit { return Set(text, "body") }
