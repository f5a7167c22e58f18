package lambdatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
)

// EventNames returns the names of the sample events in events/, sorted.
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

// Set sets the member at a path, and creates missing objects on the way.
func Set(value any, path ...string) Edit {
	return func(event map[string]any) {
		object, last := parent(event, path)
		object[last] = value
	}
}

// Remove removes the member at a path.
func Remove(path ...string) Edit {
	return func(event map[string]any) {
		object, last := parent(event, path)
		delete(object, last)
	}
}

// Body sets the request's body.
func Body(text string) Edit { return Set(text, "body") }

// parent returns the object that holds the path's last member.
func parent(event map[string]any, path []string) (object map[string]any, last string) {
	for _, name := range path[:len(path)-1] {
		next, ok := event[name].(map[string]any)
		if !ok {
			if event[name] != nil {
				panic(fmt.Sprintf("events: %v: %s is not an object", path, name))
			}
			next = map[string]any{}
			event[name] = next
		}
		event = next
	}
	return event, path[len(path)-1]
}
