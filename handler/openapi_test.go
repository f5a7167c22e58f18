package handler_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// The API's description and the stack agree.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	description, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stack, err := os.ReadFile("../template.yaml") // its short intrinsic functions are not plain YAML
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
		Components struct {
			SecuritySchemes map[string]struct{ Type string } `yaml:"securitySchemes"`
		}
	}
	if err := yaml.Unmarshal(description, &api); err != nil {
		t.Fatal(err)
	}
	// inStack returns the values of a key of the template.
	inStack := func(key string) []string {
		values := map[string]bool{}
		for _, found := range regexp.MustCompile(`(?m)^ +`+key+`: (?:!If \[\w+, |\[)?([^\]\n]+)`).FindAllStringSubmatch(string(stack), -1) {
			for value := range strings.SplitSeq(found[1], ", ") {
				values[value] = true
			}
		}
		return slices.Sorted(maps.Keys(values))
	}
	var routes, schemes []string
	for _, scheme := range api.Components.SecuritySchemes {
		schemes = append(schemes, map[string]string{"http": "JWT", "openIdConnect": "JWT", "oauth2": "JWT", "apiKey": "AWS_IAM"}[scheme.Type])
	}
	slices.Sort(schemes)
	for path, operations := range api.Paths {
		for method, operation := range operations {
			routes = append(routes, strings.ToUpper(method)+" "+path)
			for _, parameter := range operation.Parameters {
				if name := strings.ToLower(parameter.Name); parameter.In == "header" && !slices.Contains(inStack("AllowHeaders"), name) {
					t.Errorf("CORS does not let a browser send %s", name)
				}
			}
		}
	}
	diff := cmp.Diff(routes, inStack("RouteKey")) + cmp.Diff(schemes, inStack("AuthorizationType")) +
		cmp.Diff([]string{"authorization", "content-type", "x-atrip-account"}, inStack("AllowHeaders"))
	if diff != "" || !slices.Contains(inStack("ExposeHeaders"), "retry-after") {
		t.Errorf("CORS exposes %q; described and in the stack: %s", inStack("ExposeHeaders"), diff)
	}
}
