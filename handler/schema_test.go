package handler_test

import (
	"os"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

// The policy's schema lists the doors and services that TestDoor_ReachesThePolicy
// and TestCaller_Samples show, and an agent's tool the request that all take.
func TestSchema_DocumentedValues(t *testing.T) {
	t.Parallel()
	for file, parts := range map[string][]string{
		"../policy/schema.cedarschema": {`entity Service enum ["service", "unqualified"];`, `: "api", "service", or "unqualified" without one.`},
		"../docs/tool.json":            append(atlastest.DefaultRoles(), `"required": ["orderNo", "userName", "role"]`),
	} {
		text, err := os.ReadFile(file)
		for _, part := range parts {
			if err != nil || !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %s: %v", file, part, err)
			}
		}
	}
}
