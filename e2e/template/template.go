package template

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"atriptoken/e2e/rig"
)

// Parameters are values of the stack's parameters: a string, or a []string for a list.
type Parameters map[string]any

// Template is a CloudFormation template, as JSON decodes it.
type Template map[string]any

// Resources returns the template's resources by logical id.
func (t Template) Resources() map[string]any { return t["Resources"].(map[string]any) }

// Defaults returns the parameters' default values.
func (t Template) Defaults() Parameters {
	defaults := Parameters{}
	for name, declared := range t["Parameters"].(map[string]any) {
		parameter := declared.(map[string]any)
		value := fmt.Sprint(parameter["Default"])
		if parameter["Type"] == "CommaDelimitedList" {
			defaults[name] = []string{value}
		} else {
			defaults[name] = value
		}
	}
	return defaults
}

// Transform runs SAM's transform on template.yaml once for each set of parameters and returns what comes of each.
func Transform(t testing.TB, sets ...Parameters) []Template {
	t.Helper()
	return TransformFile(t, filepath.Join(rig.Root(), "template.yaml"), sets...)
}

// TransformFile is Transform of another template, such as a built one.
func TransformFile(t testing.TB, file string, sets ...Parameters) []Template {
	t.Helper()
	var input bytes.Buffer
	for _, set := range sets {
		if err := json.NewEncoder(&input).Encode(set); err != nil {
			t.Fatal(err)
		}
	}
	var output, diagnostics bytes.Buffer
	cmd := exec.CommandContext(t.Context(), rig.Tool(t, "python"), filepath.Join(rig.Root(), "e2e/template/transform.py"), file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &input, &output, &diagnostics
	if err := cmd.Run(); err != nil {
		t.Fatalf("SAM's transform: %v\n%s", err, &diagnostics)
	}
	var transformed []Template
	lines := bufio.NewScanner(&output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var one Template
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		transformed = append(transformed, one)
	}
	if len(transformed) != len(sets) {
		t.Fatalf("SAM's transform answered %d of %d sets of parameters", len(transformed), len(sets))
	}
	return transformed
}
