package contract

import (
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
	buildGo := []string{"go", "build", "-o", "main", "."}
	// Each uses its client by the program in a folder of testdata.
	for folder, row := range map[string]struct{ generate, compile, run []string }{
		"typescript": {
			openapi("typescript-fetch", "client"),
			[]string{filepath.Join(tools, "npm/node_modules/.bin/tsc"), "--strict", "--target", "es2022", "--lib", "es2022,dom",
				"--module", "commonjs", "--outDir", "out", "main.ts"},
			[]string{"node", "out/main.js"},
		},
		"python": {openapi("python", "."), nil, []string{python, "main.py"}},
		"go": {
			openapi("go", "client", "--package-name=client", "--additional-properties=withGoMod=false", "--global-property=apiTests=false"),
			buildGo, []string{"./main"},
		},
		"java": {
			openapi("java", "client", "--library=native", "--additional-properties=openApiNullable=false"),
			[]string{"javac", "-nowarn", "-d", "classes", "-cp", jars[0], "-sourcepath", "client/src/main/java", "Main.java", "Generated.java"},
			[]string{"java", "-cp", "classes:" + jars[0], "Main"},
		},
		"python-client": {
			[]string{filepath.Join(generators, "openapi-python-client"), "generate", "--path", document, "--output-path", "client", "--meta=none"},
			nil, []string{python, "main.py"},
		},
		"oapi-codegen": {
			goTool("oapi-codegen", "-generate=types,client", "-package=client", "-o=client/client.go", document), buildGo, []string{"./main"},
		},
		"ogen": {goTool("ogen", "--target=client", "--package=client", document), buildGo, []string{"./main"}},
	} {
		t.Run(folder, func(t *testing.T) {
			dir := t.TempDir()
			module := filepath.Join(rig.Root(), "tools/generators")
			in(t, ".", []string{"cp", "-r", "testdata/" + folder + "/.", filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum"), dir})
			if folder == "oapi-codegen" { // it makes no folder
				in(t, dir, []string{"mkdir", "client"})
			}
			in(t, dir, row.generate)
			if row.compile != nil {
				in(t, dir, row.compile)
			}
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
	collection := filepath.Join(rig.Root(), "build/postman.json")
	if kind := read[string](t, collection, "$.auth.type"); kind != "bearer" {
		t.Errorf("the collection's authorization is %q, want bearer", kind)
	}
	request := read[struct {
		Method string
		URL    struct{ Host, Path []string }
		Body   struct{ Raw string }
		Header []struct {
			Key, Value string
			Disabled   bool
		}
	}](t, collection, "$.item[0].item[0].request")
	s := local.Start(t)
	headers := []string{"Authorization", "Bearer " + token(t, s, "user=amelia@example.com")}
	for _, header := range request.Header {
		if !header.Disabled {
			headers = append(headers, header.Key, header.Value)
		}
	}
	url := strings.Replace(strings.Join(append(request.URL.Host, request.URL.Path...), "/"), "{{baseUrl}}",
		strings.TrimSuffix(s.API, "/getAtripToken.do"), 1)
	if answer, body := rig.Send(t, request.Method, url, request.Body.Raw, headers...); answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %d %s, want 200", request.Method, url, answer.StatusCode, body)
	}
}
