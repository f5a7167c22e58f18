package handler_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The doors and the services that the policy's schema lists are those that occur.
func TestSchema_DocumentedValues(t *testing.T) {
	t.Parallel()
	doors, services := map[string]bool{}, map[string]bool{}
	b := newBroker(t)
	for _, door := range []string{"api", "service", "", "7", "$LATEST", "other"} {
		for _, name := range []string{"http-api-jwt", "plain"} {
			_, _ = b.call(door, sample(t, name))
			if line := b.audit(); line["outcome"] == "OK" {
				doors[line["door"].(string)] = true
				if id, ok := strings.CutPrefix(line["principal"].(string), "Service::"); ok {
					services[strings.Trim(id, `"`)] = true
				}
			}
		}
	}
	text, err := os.ReadFile("../policy/schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, occur := range map[string]map[string]bool{
		`entity Service enum \[(.*)\];`: services, `// (.*)\n *"door": String,`: doors,
	} {
		var documented []string
		for _, quoted := range regexp.MustCompile(`"[a-z]+"`).FindAllString(string(regexp.MustCompile(pattern).Find(text)), -1) {
			if word := strings.Trim(quoted, `"`); word != "door" {
				documented = append(documented, word)
			}
		}
		if got := slices.Sorted(maps.Keys(occur)); !slices.Equal(got, documented) {
			t.Errorf("the schema documents %q, and %q occur", documented, got)
		}
	}
}
