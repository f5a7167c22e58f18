package contract

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/local"
	"atriptoken/e2e/rig"
)

var generators = filepath.Join(tools, "generators/bin")

// in runs a program of the table below in a folder.
func in(t *testing.T, dir string, command []string, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], append(command[1:], arguments...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+generators+":"+os.Getenv("PATH")) // openapi-python-client starts ruff
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v (`make tools` installs what it needs)\n%s%s", c, err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// A client made by each generator compiles, and reads a link, a problem and an answer of the gateway.
func TestGenerators(t *testing.T) {
	s := local.Start(t)
	base := strings.TrimSuffix(s.API, "/getAtripToken.do")
	operator := token(t, s, "user=amelia@example.com")
	jars, err := filepath.Glob(filepath.Join(tools, "generators/lib/*/site-packages/openapi_generator_cli/openapi-generator.jar"))
	if err != nil || len(jars) != 1 {
		t.Fatalf("no jar of openapi-generator: %v (`make tools` installs it)", err)
	}
	openapi := func(generator, output string, more ...string) []string {
		program := filepath.Join(generators, "openapi-generator-cli")
		return append([]string{program, "generate", "-i", document, "-g", generator, "-o", output}, more...)
	}
	goTool := func(name string, more ...string) []string {
		return append([]string{"go", "tool", "-modfile=" + filepath.Join(rig.Root(), "tools/generators/go.mod"), name}, more...)
	}
	python := filepath.Join(generators, "python")
	compilePython, buildGo := []string{python, "-m", "compileall", "-q", "."}, []string{"go", "build", "-o", "main", "."}
	for name, row := range map[string]struct {
		generate []string
		sources  map[string]string // the program that uses the client: files of testdata and their places
		compile  []string
		run      []string
	}{
		"openapi-generator for TypeScript": {
			openapi("typescript-fetch", "client"), map[string]string{"typescript.ts": "main.ts"},
			[]string{filepath.Join(tools, "npm/node_modules/.bin/tsc"), "--strict", "--target", "es2022", "--lib", "es2022,dom",
				"--module", "commonjs", "--outDir", "out", "main.ts"},
			[]string{"node", "out/main.js"},
		},
		"openapi-generator for Python": {
			openapi("python", "."), map[string]string{"openapi_generator.py": "main.py"}, compilePython, []string{python, "main.py"},
		},
		"openapi-generator for Go": {
			openapi("go", "client", "--package-name=client", "--additional-properties=withGoMod=false", "--global-property=apiTests=false"),
			map[string]string{"openapi_generator.go": "main.go"}, buildGo, []string{"./main"},
		},
		"openapi-generator for Java": {
			openapi("java", "client", "--library=native", "--additional-properties=openApiNullable=false"),
			map[string]string{"Main.java": "Main.java", "Generated.java": "Generated.java"},
			[]string{"javac", "-nowarn", "-d", "classes", "-cp", jars[0], "-sourcepath", "client/src/main/java", "Main.java", "Generated.java"},
			[]string{"java", "-cp", "classes:" + jars[0], "Main"},
		},
		"openapi-python-client": {
			[]string{filepath.Join(generators, "openapi-python-client"), "generate", "--path", document, "--output-path", "client", "--meta=none"},
			map[string]string{"openapi_python_client.py": "main.py"}, compilePython, []string{python, "main.py"},
		},
		"oapi-codegen": {
			goTool("oapi-codegen", "-generate=types,client", "-package=client", "-o=client/client.go", document),
			map[string]string{"oapi_codegen.go": "main.go"}, buildGo, []string{"./main"},
		},
		"ogen": {
			goTool("ogen", "--target=client", "--package=client", document), map[string]string{"ogen.go": "main.go"}, buildGo, []string{"./main"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyTo := func(from, to string) {
				text, err := os.ReadFile(from)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, module := range []string{"go.mod", "go.sum"} {
				copyTo(filepath.Join(rig.Root(), "tools/generators", module), module)
			}
			for from, to := range row.sources {
				copyTo(filepath.Join("testdata", from), to)
			}
			if name == "oapi-codegen" { // it makes no folder
				if err := os.Mkdir(filepath.Join(dir, "client"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			in(t, dir, row.generate)
			in(t, dir, row.compile)
			for _, call := range []struct{ token, role, want string }{
				{operator, "Customer service", "200 " + s.Atlas}, {operator, "Admin", "403 NotPermitted"}, {"bad", "Finance", "401 Unauthorized"},
			} {
				if got := in(t, dir, row.run, base, call.token, call.role); !strings.HasPrefix(got, call.want) {
					t.Errorf("the client prints %q, want %q", got, call.want)
				}
			}
		})
	}
}

// The collection's request works as it is, with the API's address and a token.
func TestPostmanCollection(t *testing.T) {
	in(t, rig.Root(), []string{"make", "-s", "postman"})
	text, err := os.ReadFile(filepath.Join(rig.Root(), "build/postman.json"))
	if err != nil {
		t.Fatal(err)
	}
	var collection struct {
		Auth struct{ Type string }
		Item []struct {
			Item []struct {
				Request struct {
					Method string
					URL    struct{ Host, Path []string }
					Header []struct {
						Key, Value string
						Disabled   bool
					}
					Body struct{ Raw string }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &collection); err != nil || collection.Auth.Type != "bearer" {
		t.Fatalf("a collection with the authorization %q: %v", collection.Auth.Type, err)
	}
	s := local.Start(t)
	request := collection.Item[0].Item[0].Request
	headers := []string{"Authorization", "Bearer " + token(t, s, "user=amelia@example.com")}
	for _, header := range request.Header {
		if !header.Disabled {
			headers = append(headers, header.Key, header.Value)
		}
	}
	api := strings.TrimSuffix(s.API, "/getAtripToken.do")
	url := strings.Replace(strings.Join(append(request.URL.Host, request.URL.Path...), "/"), "{{baseUrl}}", api, 1)
	if answer, body := rig.Send(t, request.Method, url, request.Body.Raw, headers...); answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %d %s, want 200", request.Method, url, answer.StatusCode, body)
	}
}
