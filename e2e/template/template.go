// Package template checks template.yaml with the linters, with SAM's own transform and by creating the stack in moto's
// CloudFormation.
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

// Template is a CloudFormation template, as JSON decodes it.
type Template map[string]any

// Resources returns the template's resources by logical id.
func (t Template) Resources() map[string]any { return t["Resources"].(map[string]any) }

// Transform runs SAM's transform on template.yaml. Of the parameters it reads only DeploymentType.
func Transform(t testing.TB, parameters Parameters) Template {
	t.Helper()
	return TransformFile(t, filepath.Join(rig.Root(), "template.yaml"), parameters)
}

// TransformFile is Transform of another template, such as a packaged one.
func TransformFile(t testing.TB, file string, parameters Parameters) (transformed Template) {
	t.Helper()
	Python(t, "transform.py", parameters, &transformed, file)
	return transformed
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
