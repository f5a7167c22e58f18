package examples

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// A success whose url is not a web page's, or that is not JSON, is a failure. Without arguments, a program prints its usage.
func TestSamples_Refuse(t *testing.T) {
	const ask = `import { askForLink } from './fetch.js'; console.log(await askForLink(process.argv[1], 'token', {}));`
	function := lambdatest.DefaultFunctionARN + ":service"
	for name, row := range map[string]struct{ command, arguments []string }{
		"fetch.js": {[]string{"node", "--input-type=module", "--eval", ask}, nil},
		"sigv4.sh": {[]string{filepath.Join(dir, "sigv4.sh")}, []string{"X1", "amelia@example.com", "Finance"}},
		"invoke.go": {[]string{"go", "run", "-C", filepath.Join(rig.Root(), "e2e"), filepath.Join(dir, "invoke.go")},
			[]string{function, "X1", "amelia@example.com", "Finance"}},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(body string, arguments ...string) (string, error) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
				defer server.Close()
				if name != "invoke.go" && len(arguments) > 0 || name == "fetch.js" {
					arguments = append([]string{server.URL}, arguments...)
				}
				command := exec.CommandContext(t.Context(), row.command[0], append(row.command[1:], arguments...)...)
				command.Dir = dir
				command.Env = rig.Environ("AWS_ENDPOINT_URL_LAMBDA="+server.URL, "AWS_SECRET_ACCESS_KEY=example")
				out, err := command.CombinedOutput()
				return string(out), err
			}
			if out, err := run(`{"url":"https://portal.example.com/","status":0,"msg":null}`, row.arguments...); err != nil {
				t.Fatalf("a web page's url: %v %s", err, out)
			}
			for _, body := range []string{`{"url":"javascript:alert(1)","status":0,"msg":null}`, `<html>`, `{}`, `{"url":7}`} {
				if out, err := run(body, row.arguments...); err == nil || strings.Contains(out, "alert") {
					t.Errorf("%s: %v, printed %q; want a failure", body, err, out)
				}
			}
			if out, err := run(""); name != "fetch.js" && (err == nil || !strings.Contains(out, "usage: ")) {
				t.Errorf("without arguments: %v, printed %q; want its usage", err, out)
			}
		})
	}
}
