// Package events holds one sample event per caller, for `sam local invoke` and
// for tests. The shapes are those of the AWS documentation; the values are
// plainly examples.
package events

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

//go:embed *.json
var files embed.FS

// Names returns the samples' names, sorted.
func Names() []string {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the files are in the binary
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".json")
	}
	slices.Sort(names)
	return names
}

// Sample returns the sample with the edits made in turn. It panics when there
// is no such sample, or no place for an edit in it.
func Sample(name string, edits ...Edit) []byte {
	text, err := files.ReadFile(name + ".json")
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

// Set puts a value at a path of member names; objects that are missing on the
// way are made.
func Set(value any, path ...string) Edit {
	return func(event map[string]any) {
		object, last := parent(event, path)
		object[last] = value
	}
}

// Remove takes the member at a path away.
func Remove(path ...string) Edit {
	return func(event map[string]any) {
		object, last := parent(event, path)
		delete(object, last)
	}
}

// Body sets the member body.
func Body(text string) Edit { return Set(text, "body") }

// Header sets a header of those events that have one value a header.
func Header(name, value string) Edit { return Set(value, "headers", name) }

// Claim sets a claim of an HTTP API's JWT authorizer.
func Claim(name string, value any) Edit {
	return Set(value, "requestContext", "authorizer", "jwt", "claims", name)
}

// parent returns the object that holds the path's last member.
func parent(event map[string]any, path []string) (object map[string]any, last string) {
	for _, name := range path[:len(path)-1] {
		next, ok := event[name].(map[string]any)
		if !ok {
			if event[name] != nil {
				panic(fmt.Sprintf("events: %v: %s is no object", path, name))
			}
			next = map[string]any{}
			event[name] = next
		}
		event = next
	}
	return event, path[len(path)-1]
}
