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
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	gocmp "github.com/google/go-cmp/cmp"

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
	User, Token, Fault, Method, Body string // Token has more parameters of the token's request
	ContentType                      string `yaml:"contentType"`
	BodyBytes                        int    `yaml:"bodyBytes"`
}

// contents are a request's or an answer's examples, by content type.
type contents map[string]struct {
	Examples map[string]struct {
		Value      map[string]any
		ProvokedBy *provocation `yaml:"x-provoked-by"`
	}
}

// read decodes what is at a path of a YAML or JSON file.
func read[T any](t *testing.T, file, path string) (value T) {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	at, err := yaml.PathString(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.Read(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

const operation = "$.paths.'/getAtripToken.do'.post"

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

// The system gives the answer of every example. TestLint compares the examples with their schemas.
func TestExamples_Responses(t *testing.T) {
	s := local.Start(t, "ATLAS_ATTEMPT_TIMEOUT=1s")
	codes := map[string]int{}
	for status, response := range read[map[string]struct {
		Headers map[string]any
		Content contents
	}](t, document, operation+".responses") {
		for contentType, content := range response.Content {
			for name, example := range content.Examples {
				t.Run(status+" "+name, func(t *testing.T) {
					if code, ok := example.Value["code"].(string); ok {
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
					for header := range response.Headers { // API Gateway's own answers have WWW-Authenticate only
						gateway := contentType == "application/json" && status != "200" && header != "WWW-Authenticate"
						if answer.Header.Get(header) == "" && !gateway {
							t.Errorf("the header %s is missing", header)
						}
					}
					want, err := json.Marshal(example.Value)
					if err != nil {
						t.Fatal(err)
					}
					if diff := gocmp.Diff(fixed(t, want), fixed(t, body)); diff != "" {
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

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// fixed decodes an answer, and replaces the values that differ in every one.
func fixed(t *testing.T, answer []byte) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal(answer, &v); err != nil {
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
	s := local.Start(t)
	for name, example := range read[contents](t, document, operation+".requestBody.content")["application/json"].Examples {
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
	schema := read[struct {
		Pattern   string
		MinLength int `yaml:"minLength"`
		MaxLength int `yaml:"maxLength"`
	}](t, document, "$.components.schemas.LinkRequest.properties.orderNo")
	pattern := regexp.MustCompile(schema.Pattern) // what it uses means the same in JSON Schema's dialect
	s := local.Start(t)
	for _, order := range []string{
		"X", "XPFIW20220209163159425", "BAG-20220211-000417", "a b", "订单", strings.Repeat("x", 64), "\"", "\\", "<script>", "é", "🎫",
		"", " X", "X ", "\tX", "X\n", "X\x00Y", "X\x7fY", "X\u0085", "\u00a0X", "X\u2028Y", "X\u202eY", "X\u200eY", "\u3000X", "X\u3000Y",
		"X\u00a0Y", "\u200bX", "\u061cX", "X\u061cY", "X\u2067Y", "X\u202fY", "X\u202f",
		strings.Repeat("x", 65), strings.Repeat("🎫", 64), strings.Repeat("🎫", 65),
	} {
		body, err := json.Marshal(map[string]string{"orderNo": order, "role": "Customer service"})
		if err != nil {
			t.Fatal(err)
		}
		length := utf8.RuneCountInString(order)
		described := pattern.MatchString(order) && length >= schema.MinLength && length <= schema.MaxLength
		answer, text := provoke(t, s, provocation{User: "amelia@example.com", Body: string(body)})
		if accepted := answer.StatusCode == http.StatusOK; accepted != described {
			t.Errorf("orderNo %q: the schema accepts it: %t, the broker: %t (%d %s)", order, described, accepted, answer.StatusCode, text)
		}
	}
}

func lint(file string) ([]byte, error) {
	command := exec.Command(filepath.Join(tools, "npm/node_modules/.bin/redocly"), "lint", "--max-problems=50", file)
	command.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	return command.CombinedOutput()
}

func TestLint(t *testing.T) {
	// Redocly CLI also prints a deprecation warning of its own Node.js version.
	if out, err := lint(document); err != nil || bytes.Contains(out, []byte("You have ")) {
		t.Errorf("redocly lint: %v (`make tools` installs it)\n%s", err, out)
	}
}

// One schema describes both error shapes; as an example it accepts neither a mixture of them nor a part of the broker's.
func TestErrorReply_EitherShape(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	const problem = "type: 'about:blank', title: t, status: 400, detail: d, instance: i"
	for _, example := range []string{
		"{}", "{ " + problem + " }", "{ type: 'about:blank', code: Internal }", "{ message: m, " + problem + ", code: Internal }",
	} {
		file := filepath.Join(t.TempDir(), "openapi.yaml")
		if err := os.WriteFile(file, bytes.Replace(text, []byte("{ message: Not Found }"), []byte(example), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, _ := lint(file); !bytes.Contains(out, []byte("/examples/route/value")) {
			t.Errorf("%s is accepted\n%s", example, out)
		}
	}
}

func TestSchemathesis(t *testing.T) {
	s := local.Start(t, "ATLAS_ATTEMPT_TIMEOUT=2s")
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // the tool creates a folder, too
	// The document of a deployment with the default roles: a tool cannot know which others are configured.
	closed := bytes.Replace(text, []byte("x-extensible-enum:"), []byte("enum:"), 1)
	if bytes.Equal(closed, text) {
		t.Fatal("the document has no x-extensible-enum")
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), closed, 0o600); err != nil {
		t.Fatal(err)
	}
	tool := exec.Command(filepath.Join(tools, "schemathesis/bin/schemathesis"), "run", "openapi.yaml",
		"--url", strings.TrimSuffix(s.API, "/getAtripToken.do"),
		"--header", "Authorization: Bearer "+token(t, s, "user=ada@example.com"),
		// unsupported_method wants 405 for a method without a route, API Gateway answers 404.
		"--checks", "all", "--exclude-checks", "unsupported_method", "--phases", "examples,coverage,fuzzing,stateful",
		"--seed", "1", "--max-examples", "100", "--no-color")
	tool.Dir = dir
	out, err := tool.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || bytes.Contains(bytes.ToLower(out), []byte("warning")) {
		t.Errorf("schemathesis: %v, or it warns that its checks did not reach what they are for (`make tools` installs it)", err)
	}
	for _, phase := range []string{"Examples", "Coverage", "Fuzzing", "Stateful"} {
		if !bytes.Contains(out, []byte("✅ "+phase)) {
			t.Errorf("the phase %s did not run", phase)
		}
	}
}
