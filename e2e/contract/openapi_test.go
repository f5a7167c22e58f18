// Package contract compares the running system with docs/openapi.yaml.
package contract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/goccy/go-yaml"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"atriptoken/e2e/local"
	"atriptoken/e2e/rig"
	"atriptoken/handler"
)

var (
	document = filepath.Join(rig.Root(), "docs/openapi.yaml")
	tools    = filepath.Join(rig.Root(), ".tools")
)

// provocation is the request, and the simulated fault, that leads to an example.
type provocation struct {
	User        string `yaml:"user"`
	Token       string `yaml:"token"` // more parameters of the token's request
	Fault       string `yaml:"fault"`
	Method      string `yaml:"method"`
	ContentType string `yaml:"contentType"`
	Body        string `yaml:"body"`
	BodyBytes   int    `yaml:"bodyBytes"`
}

type example struct {
	Value      any          `yaml:"value"`
	ProvokedBy *provocation `yaml:"x-provoked-by"`
}

type response struct {
	Headers map[string]struct {
		Ref string `yaml:"$ref"`
	} `yaml:"headers"`
	Content map[string]struct {
		Examples map[string]example `yaml:"examples"`
	} `yaml:"content"`
}

type description struct {
	Paths map[string]struct {
		Post struct {
			RequestBody struct {
				Content map[string]struct {
					Examples map[string]example `yaml:"examples"`
				} `yaml:"content"`
			} `yaml:"requestBody"`
			Responses map[string]response `yaml:"responses"`
		} `yaml:"post"`
	} `yaml:"paths"`
}

func read(t *testing.T) (description, *jsonschema.Compiler) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	inJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(inJSON))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) {
		re, err := regexp2.Compile(s, regexp2.ECMAScript|regexp2.Unicode)
		return (*ecma)(re), err
	})
	if err := compiler.AddResource("openapi.yaml", whole); err != nil {
		t.Fatal(err)
	}
	return d, compiler
}

// ecma is a regular expression in JSON Schema's dialect.
type ecma regexp2.Regexp

func (re *ecma) String() string { return (*regexp2.Regexp)(re).String() }
func (re *ecma) MatchString(s string) bool {
	matched, err := (*regexp2.Regexp)(re).MatchString(s)
	return err == nil && matched
}

// valid validates a value against the schema at a pointer of the document.
func valid(t *testing.T, c *jsonschema.Compiler, pointer string, value any) error {
	t.Helper()
	schema, err := c.Compile("openapi.yaml#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(parsed)
}

func schemaOf(status, contentType string) string {
	return "/paths/~1getAtripToken.do/post/responses/" + status + "/content/" + strings.ReplaceAll(contentType, "/", "~1") + "/schema"
}

// provoke sends the request that leads to an example.
func provoke(t *testing.T, s *local.System, p provocation) (*http.Response, []byte) {
	t.Helper()
	fault := cmp.Or(p.Fault, "none")
	if switched, _ := rig.Send(t, "PUT", s.Console+"/faults/"+fault, "", "Origin", s.Console); switched.StatusCode != http.StatusNoContent {
		t.Fatalf("switch to the fault %s: %d", fault, switched.StatusCode)
	}
	body := cmp.Or(p.Body, `{"orderNo":"XPFIW20220209163159425","role":"Customer service"}`)
	if p.BodyBytes > 0 {
		body += strings.Repeat(" ", p.BodyBytes-len(body))
	}
	headers := []string{"Content-Type", cmp.Or(p.ContentType, "application/json")}
	if p.User != "" {
		headers = append(headers, "Authorization", "Bearer "+token(t, s, "user="+p.User+"&"+p.Token))
	}
	return rig.Send(t, cmp.Or(p.Method, "POST"), s.API, body, headers...)
}

func token(t *testing.T, s *local.System, query string) string {
	t.Helper()
	_, text := rig.Send(t, "GET", s.Issuer+"/dev-token?"+query, "")
	return string(text)
}

func TestExamples_Responses(t *testing.T) {
	d, compiler := read(t)
	s := local.Start(t, "ATLAS_ATTEMPT_TIMEOUT=1s")
	codes := map[string]int{}
	for status, response := range d.Paths["/getAtripToken.do"].Post.Responses {
		for contentType, content := range response.Content {
			for name, example := range content.Examples {
				t.Run(status+" "+name, func(t *testing.T) {
					schema := schemaOf(status, contentType)
					if err := valid(t, compiler, schema, example.Value); err != nil {
						t.Errorf("the example violates its schema: %v", err)
					}
					if code, ok := fixed(t, example.Value)["code"].(string); ok {
						codes[code], _ = strconv.Atoi(status)
					}
					if example.ProvokedBy == nil {
						if name != "Internal" && status != "503" {
							t.Error("the example has no x-provoked-by")
						}
						return
					}
					answer, body := provoke(t, s, *example.ProvokedBy)
					if got := strconv.Itoa(answer.StatusCode) + " " + answer.Header.Get("Content-Type"); got != status+" "+contentType {
						t.Fatalf("answered %s with %s, want %s %s", got, body, status, contentType)
					}
					if err := valid(t, compiler, schema, json.RawMessage(body)); err != nil {
						t.Errorf("the answer violates the schema: %v", err)
					}
					headersAsDescribed(t, response, contentType, answer.Header)
					if diff := gocmp.Diff(fixed(t, example.Value), fixed(t, json.RawMessage(body))); diff != "" {
						t.Errorf("the answer differs from the example (-example +answer):\n%s", diff)
					}
				})
			}
		}
	}
	want := map[string]int{}
	for code, status := range handler.Codes() {
		if code != handler.NotFound && code != handler.MethodNotAllowed { // API Gateway answers these itself
			want[string(code)] = status
		}
	}
	if diff := gocmp.Diff(want, codes); diff != "" {
		t.Errorf("codes with an example (-broker +document):\n%s", diff)
	}
}

// headersAsDescribed checks the headers that every such response has.
func headersAsDescribed(t *testing.T, r response, contentType string, got http.Header) {
	t.Helper()
	for name, header := range r.Headers {
		always := strings.HasSuffix(header.Ref, "/NoStore") || strings.HasSuffix(header.Ref, "/NoSniff")
		if (always || name == "WWW-Authenticate" || contentType == "application/problem+json") && got.Get(name) == "" {
			t.Errorf("the header %s is missing", name)
		}
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// fixed replaces the values that differ in every answer.
func fixed(t *testing.T, value any) map[string]any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if id, ok := v["instance"].(string); ok && uuid.MatchString(id) {
		v["instance"] = "an id"
	}
	if url, ok := v["url"].(string); ok && strings.Contains(url, "?token=") {
		v["url"] = "a link"
	}
	return v
}

func TestExamples_Requests(t *testing.T) {
	d, compiler := read(t)
	s := local.Start(t)
	for name, example := range d.Paths["/getAtripToken.do"].Post.RequestBody.Content["application/json"].Examples {
		if err := valid(t, compiler, "/components/schemas/LinkRequest", example.Value); err != nil {
			t.Errorf("%s breaks the schema: %v", name, err)
		}
		body, err := json.Marshal(example.Value)
		if err != nil {
			t.Fatal(err)
		}
		if answer, text := provoke(t, s, provocation{User: "amelia@example.com", Body: string(body)}); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s, want 200", name, answer.StatusCode, text)
		}
	}
}

func TestOrderNo_SchemaEqualsBroker(t *testing.T) {
	_, compiler := read(t)
	s := local.Start(t)
	for _, order := range []string{
		"X", "XPFIW20220209163159425", "BAG-20220211-000417", "a b", "订单", strings.Repeat("x", 64), "\"", "\\", "<script>", "é", "🎫",
		"", " X", "X ", "\tX", "X\n", "X\x00Y", "X\x7fY", "X\u0085", "\u00a0X", "X\u2028Y", "X\u202eY", "X\u200eY", "\u3000X", "X\u3000Y",
		"X\u00a0Y", "\u200bX", "X\u061cY", "X\u2067Y", "X\u202fY", "X\u202f",
		strings.Repeat("x", 65), strings.Repeat("🎫", 64), strings.Repeat("🎫", 65),
	} {
		body, err := json.Marshal(map[string]string{"orderNo": order, "role": "Customer service"})
		if err != nil {
			t.Fatal(err)
		}
		described := valid(t, compiler, "/components/schemas/LinkRequest", json.RawMessage(body)) == nil
		answer, text := provoke(t, s, provocation{User: "amelia@example.com", Body: string(body)})
		if accepted := answer.StatusCode == http.StatusOK; accepted != described {
			t.Errorf("orderNo %q: the schema accepts it: %t, the broker: %t (%d %s)", order, described, accepted, answer.StatusCode, text)
		}
	}
}

// One schema describes both shapes, so that generated clients read either; it must not accept a mixture.
func TestErrorReply_EitherShape(t *testing.T) {
	_, compiler := read(t)
	const problem = `"type":"about:blank","title":"t","status":400,"detail":"d","instance":"i"`
	for text, want := range map[string]bool{
		`{"message":"Forbidden"}`: true, `{` + problem + `,"code":"Internal"}`: true,
		`{}`: false, `{` + problem + `}`: false, `{"code":"Internal"}`: false, `{"message":"m","code":"Internal"}`: false,
		`{"message":"m",` + problem + `,"code":"Internal"}`: false, `{"message":"m","more":1}`: false,
	} {
		if got := valid(t, compiler, "/components/schemas/ErrorReply", json.RawMessage(text)) == nil; got != want {
			t.Errorf("%s: valid %t, want %t", text, got, want)
		}
	}
}

func TestLint(t *testing.T) {
	lint := exec.Command(filepath.Join(tools, "npm/node_modules/.bin/redocly"), "lint", "--max-problems=50", document)
	lint.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	// Redocly CLI also prints a deprecation warning of its own Node.js version.
	if out, err := lint.CombinedOutput(); err != nil || bytes.Contains(out, []byte("You have ")) {
		t.Errorf("redocly lint: %v (`make tools` installs it)\n%s", err, out)
	}
}

func TestMethods_NotFound(t *testing.T) {
	s := local.Start(t)
	bearer := "Bearer " + token(t, s, "user=ada@example.com")
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		if answer, _ := rig.Send(t, method, s.API, "", "Authorization", bearer); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", method, answer.StatusCode)
		}
	}
}

// withDefaultRoles writes the document of a deployment with the default roles:
// the roles are open, and a tool cannot know which others are configured.
func withDefaultRoles(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	closed := bytes.Replace(text, []byte("x-extensible-enum:"), []byte("enum:"), 1)
	if bytes.Equal(closed, text) {
		t.Fatal("the document has no open list of roles")
	}
	name := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(name, closed, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSchemathesis(t *testing.T) {
	s := local.Start(t, "ATLAS_ATTEMPT_TIMEOUT=2s")
	tool := exec.Command(filepath.Join(tools, "schemathesis/bin/schemathesis"), "run", withDefaultRoles(t),
		"--url", strings.TrimSuffix(s.API, "/getAtripToken.do"),
		"--header", "Authorization: Bearer "+token(t, s, "user=ada@example.com"),
		// unsupported_method wants 405 for a method without a route, API Gateway answers 404: see TestMethods_NotFound.
		"--checks", "all", "--exclude-checks", "unsupported_method", "--phases", "examples,coverage,fuzzing,stateful",
		"--seed", "1", "--max-examples", "100", "--no-color")
	tool.Dir = t.TempDir() // it creates a folder
	out, err := tool.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || bytes.Contains(out, []byte("= WARNINGS =")) {
		t.Errorf("schemathesis: %v, or it warns (`make tools` installs it)", err)
	}
	if bytes.Contains(bytes.ToLower(out), []byte("warning")) {
		t.Error("schemathesis warns: its checks did not reach what they are for")
	}
	for _, phase := range []string{"Examples", "Coverage", "Fuzzing", "Stateful"} {
		if !bytes.Contains(out, []byte("✅ "+phase)) {
			t.Errorf("the phase %s did not run", phase)
		}
	}
}
