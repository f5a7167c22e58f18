package handler_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"atriptoken/handler"
)

// described is the part of the API's description that the tests compare.
type described struct {
	Paths map[string]map[string]struct {
		Parameters []struct{ Name, In string }
		Responses  map[string]struct {
			Headers map[string]any
			Content map[string]struct{ Examples map[string]any }
		}
	}
	Components struct {
		SecuritySchemes map[string]struct{ Type, Scheme, In, Name string } `yaml:"securitySchemes"`
	}
}

// read parses docs/openapi.yaml and returns template.yaml as text, because its
// short intrinsic functions are not plain YAML.
func read(t *testing.T) (described, string) {
	t.Helper()
	var api described
	description, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(description, &api); err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return api, string(template)
}

func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	api, template := read(t)
	var want []string
	for path, operations := range api.Paths {
		for method := range operations {
			want = append(want, strings.ToUpper(method)+" "+path)
		}
	}
	var got []string
	for _, route := range regexp.MustCompile(`(?m)^ +RouteKey: (.+)$`).FindAllStringSubmatch(template, -1) {
		got = append(got, route[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the stack has the routes %q, docs/openapi.yaml describes %q", got, want)
	}
}

func TestOpenAPI_SecuritySchemes(t *testing.T) {
	t.Parallel()
	api, template := read(t)
	var want []string
	for name, scheme := range api.Components.SecuritySchemes {
		switch {
		case scheme.Type == "http" && scheme.Scheme == "bearer", scheme.Type == "openIdConnect", scheme.Type == "oauth2":
			want = append(want, "JWT")
		case scheme.Type == "apiKey" && scheme.In == "header" && scheme.Name == "Authorization": // SigV4
			want = append(want, "AWS_IAM")
		default:
			t.Errorf("the security scheme %s has an unknown type", name)
		}
	}
	var got []string
	for _, kind := range regexp.MustCompile(`(?m)^ +AuthorizationType: (.+)$`).FindAllStringSubmatch(template, -1) {
		got = append(got, kind[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the stack's routes use the authorizers %q, docs/openapi.yaml describes %q", got, want)
	}
}

// CORS allows a browser to send every described header and to read Retry-After.
func TestOpenAPI_CORS(t *testing.T) {
	t.Parallel()
	api, template := read(t)
	allowed, exposed := list(t, template, "AllowHeaders"), list(t, template, "ExposeHeaders")
	send := []string{"authorization", "content-type"}
	read := []string{}
	for _, operations := range api.Paths {
		for _, operation := range operations {
			for _, parameter := range operation.Parameters {
				if parameter.In == "header" {
					send = append(send, strings.ToLower(parameter.Name))
				}
			}
			for _, response := range operation.Responses {
				if _, waits := response.Headers["Retry-After"]; waits {
					read = append(read, "retry-after")
				}
			}
		}
	}
	if len(read) == 0 {
		t.Error("no described response has Retry-After")
	}
	for _, name := range send {
		if !slices.Contains(allowed, name) {
			t.Errorf("CORS allows %[2]q, which lacks %[1]q", name, allowed)
		}
	}
	for _, name := range read {
		if !slices.Contains(exposed, name) {
			t.Errorf("CORS exposes %[2]q, which lacks %[1]q", name, exposed)
		}
	}
}

func list(t *testing.T, template, name string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^ +` + name + `: \[(.*)\]$`).FindStringSubmatch(template)
	if found == nil {
		t.Fatalf("template.yaml has no list %s", name)
	}
	return strings.Split(found[1], ", ")
}

// Every code has an example under its HTTP status.
func TestOpenAPI_Codes(t *testing.T) {
	t.Parallel()
	api, _ := read(t)
	description, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(description)
	for code, status := range handler.Codes() {
		if !strings.Contains(text, "urn:atriptoken:problem:"+string(code)) {
			// An HTTP API answers these two itself.
			if code != handler.NotFound && code != handler.MethodNotAllowed {
				t.Errorf("%s has no example in docs/openapi.yaml", code)
			}
		}
		for path, operations := range api.Paths {
			for method, operation := range operations {
				if _, ok := operation.Responses[strconv.Itoa(status)]; !ok && status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
					t.Errorf("%s %s: HTTP %d of %s is not described", method, path, status, code)
				}
			}
		}
	}
}
