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
func TransformFile(t testing.TB, file string, parameters Parameters) Template {
	t.Helper()
	input, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	var diagnostics bytes.Buffer
	cmd := exec.CommandContext(t.Context(), rig.Tool(t, "python"), filepath.Join(rig.Root(), "e2e/template/transform.py"), file)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &diagnostics
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("SAM's transform: %v\n%s", err, &diagnostics)
	}
	var transformed Template
	if err := json.Unmarshal(output, &transformed); err != nil {
		t.Fatal(err)
	}
	return transformed
}
