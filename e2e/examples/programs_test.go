package examples

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/aws/aws-sdk-go-v2/service/lambda" // imported by docs/examples/invoke.go

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// fetchJS uses fetch.js.
const fetchJS = `import { askForLink } from './fetch.js';
const [role, endpoint, token] = process.argv.slice(1);
try { console.log(await askForLink(endpoint + '/getAtripToken.do', token, { orderNo: 'X1', role })); }
catch (e) { console.error(e.status, e.code, e.requestId, e.retryAfter); process.exit(1); }`

// programs are the examples that print a link or fail. token is an operator's, or the session token of the AWS credentials.
var programs = map[string]func(endpoint, token, role string) *exec.Cmd{
	"fetch.js": func(endpoint, token, role string) *exec.Cmd {
		return exec.Command("node", "--input-type=module", "--eval", fetchJS, role, endpoint, token)
	},
	"sigv4.sh": func(endpoint, token, role string) *exec.Cmd {
		script := exec.Command(filepath.Join(dir, "sigv4.sh"), endpoint+"/getAtripToken.do", `"quoted" order\`, "amelia@example.com", role)
		script.Env = rig.Environ("AWS_SESSION_TOKEN=" + token)
		return script
	},
	"invoke.go": func(endpoint, _, role string) *exec.Cmd {
		service := lambdatest.DefaultFunctionARN + ":service"
		invoke := exec.Command("go", "run", "-C", filepath.Join(rig.Root(), "e2e"), filepath.Join(dir, "invoke.go"), service, order,
			"amelia@example.com", role)
		invoke.Env = rig.Environ("AWS_ENDPOINT_URL_LAMBDA=" + endpoint)
		return invoke
	},
}

func run(t *testing.T, program *exec.Cmd) (output string, failed bool) {
	t.Helper()
	program.Dir = dir
	out, err := program.CombinedOutput()
	return string(out), err != nil
}

// ServeHTTP answers like Lambda's Invoke API, and like API Gateway with a JWT or an IAM authorizer.
func (b broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	authorization, sample := r.Header.Get("Authorization"), ""
	switch {
	case strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/"):
		_, reply := b.invoke("service", json.RawMessage(body))
		if reply.Failed() {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		_, _ = w.Write(reply.Payload)
		return
	case authorization == "Bearer token":
		sample = "http-api-jwt"
	case strings.Contains(authorization, "/eu-west-1/execute-api/aws4_request") && r.Header.Get("X-Amz-Security-Token") != "expired":
		sample = "http-api-iam"
	default:
		w.Header().Set("Apigw-Requestid", "gateway-id")
		http.Error(w, `{"message":"Unauthorized"}`, http.StatusUnauthorized)
		return
	}
	answer, _ := b.invoke("api", json.RawMessage(lambdatest.Event(sample, lambdatest.Body(string(body)))))
	w.WriteHeader(int(answer["statusCode"].(float64)))
	_, _ = io.WriteString(w, answer["body"].(string))
}

func TestPrograms(t *testing.T) {
	b := newBroker(t)
	endpoint := httptest.NewServer(b)
	defer endpoint.Close()
	link := b.Atlas.URL + "/"
	for _, row := range []struct{ program, token, role, want string }{
		{"fetch.js", "token", "Customer service", link},
		{"fetch.js", "token", "Admin", "403 NotPermitted 00000000-"},
		{"fetch.js", "token", "Boss", "400 InvalidRequest 00000000-"},
		{"fetch.js", "expired", "Finance", "401 undefined gateway-id"},
		{"sigv4.sh", "", "Finance", link},
		{"sigv4.sh", "session", "Finance", link},
		{"sigv4.sh", "expired", "Finance", "Unauthorized"},
		{"sigv4.sh", "", "Boss", "InvalidRequest"},
		{"invoke.go", "", "Finance", link},
		{"invoke.go", "", "Boss", "InvalidRequest: "},
	} {
		out, failed := run(t, programs[row.program](endpoint.URL, row.token, row.role))
		if !strings.Contains(out, row.want) || failed == (row.want == link) {
			t.Errorf("%s with %q as %s: failed %t, printed %q, want %s", row.program, row.token, row.role, failed, out, row.want)
		}
	}
}

// A success whose url is not a web page's, or that is not JSON, is a failure. Without arguments, a program prints its usage.
func TestPrograms_Refuse(t *testing.T) {
	for name, program := range programs {
		for body, accepted := range map[string]bool{
			`{"url":"https://portal.example.com/","status":0,"msg":null}`: true,
			`{"url":"javascript:alert(1)","status":0,"msg":null}`:         false, `<html>`: false, `{}`: false, `{"url":7}`: false,
		} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
			if out, failed := run(t, program(server.URL, "token", "Finance")); failed == accepted || strings.Contains(out, "alert") {
				t.Errorf("%s gets %s: failed %t, printed %q", name, body, failed, out)
			}
			server.Close()
		}
		bare := program("", "", "")
		bare.Args = bare.Args[:len(bare.Args)-4] // every argument but the program itself
		if out, failed := run(t, bare); name != "fetch.js" && (!failed || !strings.Contains(out, "usage: ")) {
			t.Errorf("%s without arguments: failed %t, printed %q; want its usage", name, failed, out)
		}
	}
}
