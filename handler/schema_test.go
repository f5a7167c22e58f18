package handler_test

import (
	"os"
	"strings"
	"testing"
)

// The policy's schema lists the doors and services that TestDoor_ReachesThePolicy
// and TestCaller_Samples show.
func TestSchema_DocumentedValues(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../policy/schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{`entity Service enum ["service", "unqualified"];`, `: "api", "service", or "unqualified" without one.`} {
		if !strings.Contains(string(text), list) {
			t.Errorf("the schema lacks %s", list)
		}
	}
}
