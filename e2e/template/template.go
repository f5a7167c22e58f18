// Package template checks template.yaml with the linters, with SAM's own transform and with SAM CLI's resolver of functions.
package template

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"atriptoken/e2e/rig"
)

// Parameters are values of the stack's parameters; the members of a list are separated by commas.
type Parameters map[string]string

// Stack is what a template and parameters make. References to resources stay as they are.
type Stack struct {
	Parameters, Metadata map[string]any
	Resources            map[string]Resource
	Outputs              map[string]struct{ Value any }
	Broken               []string // descriptions of the Rules that the parameters break
}

// Resource is a resource of a stack.
type Resource struct {
	Type       string
	Properties map[string]any
}

// Make returns the stack that template.yaml makes of each set of parameters, with the template's defaults for the missing ones.
func Make(t testing.TB, parameters ...Parameters) []Stack {
	t.Helper()
	return MakeFrom(t, filepath.Join(rig.Root(), "template.yaml"), parameters...)
}

// MakeFrom is Make of another template, such as a packaged one.
func MakeFrom(t testing.TB, file string, parameters ...Parameters) (stacks []Stack) {
	t.Helper()
	Python(t, "resolve.py", parameters, &stacks, file)
	return stacks
}

// Python runs a script of this folder with input and output as JSON.
func Python(t testing.TB, script string, input, output any, args ...string) {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	var diagnostics bytes.Buffer
	args = append([]string{filepath.Join(rig.Root(), "e2e/template", script)}, args...)
	cmd := exec.CommandContext(t.Context(), rig.Tool(t, "python"), args...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), &diagnostics
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &diagnostics)
	}
	if err := json.Unmarshal(answer, output); err != nil {
		t.Fatal(err)
	}
}
