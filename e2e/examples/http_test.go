package examples_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"atriptoken/e2e/local"
)

func TestFetch(t *testing.T) {
	s := local.Start(t)
	for _, row := range []struct{ name, user, role, want string }{
		{"a link", "amelia@example.com", "Customer service", `{"url":"` + s.Atlas},
		{"a role that is not granted", "amelia@example.com", "Admin", `{"status":403,"code":"NotPermitted","requestId":"`},
		{"a fault of the body", "amelia@example.com", "Boss", `{"status":400,"code":"InvalidRequest","requestId":"`},
		{"nobody signed in", "", "Finance", `{"status":401,"requestId":"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			script := `import { askForLink } from './fetch.js';
				const [endpoint, issuer, user, role] = process.argv.slice(1);
				const token = user && await (await fetch(issuer + '/dev-token?user=' + user)).text();
				try { console.log(JSON.stringify({ url: await askForLink(endpoint, token, { orderNo: 'X1', role }) })); }
				catch (e) { console.log(JSON.stringify({ status: e.status, code: e.code, requestId: e.requestId })); }`
			node := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval", script, s.API, s.Issuer, row.user, row.role)
			node.Dir = root + "/docs/examples"
			var stderr bytes.Buffer
			node.Stderr = &stderr
			out, err := node.Output()
			if err != nil {
				t.Fatalf("node: %v\n%s", err, &stderr)
			}
			if !strings.HasPrefix(string(out), row.want) {
				t.Errorf("got %s, want %s…", out, row.want)
			}
		})
	}
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/\d{8}/eu-west-1/execute-api/aws4_request, ?` +
	`SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$`)

// signed reports whether a request bears the right signature, by signing it
// anew with the SDK.
func signed(t *testing.T, r *http.Request, body []byte) bool {
	t.Helper()
	parts := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if parts == nil {
		return false
	}
	again, err := http.NewRequestWithContext(t.Context(), r.Method, "http://"+r.Host+r.URL.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(parts[1], ";") {
		if name != "host" {
			again.Header.Set(name, r.Header.Get(name))
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again.Header.Del("X-Amz-Security-Token") // the signer sets it
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "example", SessionToken: r.Header.Get("X-Amz-Security-Token")}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, again, hex.EncodeToString(sum[:]), "execute-api", "eu-west-1", at); err != nil {
		t.Fatal(err)
	}
	want := authorization.FindStringSubmatch(again.Header.Get("Authorization"))
	return want != nil && want[1] == parts[1] && want[2] == parts[2]
}

func TestSigV4(t *testing.T) {
	b := newBroker(t)
	// An API Gateway whose authorizer is IAM: it checks the signature and says who signed.
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !signed(t, r, body) {
			http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
			return
		}
		event := read[map[string]any](t, root+"/events/http-api-iam.json")
		event["body"] = string(body)
		answer, failed := b.invoke(t, "api", event)
		if failed != nil {
			t.Errorf("the function failed: %v", failed)
			return
		}
		w.WriteHeader(int(answer["statusCode"].(float64)))
		_, _ = io.WriteString(w, answer["body"].(string))
	}))
	defer api.Close()
	run := func(role, key, session string) (string, error) {
		script := exec.CommandContext(t.Context(), root+"/docs/examples/sigv4.sh", api.URL+"/getAtripToken.do", `"quoted" order\`, "amelia@example.com", role)
		script.Env = append(script.Environ(), "AWS_SECRET_ACCESS_KEY="+key, "AWS_SESSION_TOKEN="+session)
		out, err := script.Output()
		return string(out), err
	}
	for _, session := range []string{"", "a-session-token"} {
		out, err := run("Finance", "example", session)
		var answer map[string]any
		if err != nil || json.Unmarshal([]byte(out), &answer) != nil || !b.isLink(answer["url"]) {
			t.Errorf("session %q: %v %s, want a link", session, err, out)
		}
	}
	if out, err := run("Boss", "example", ""); err == nil || !strings.Contains(out, "InvalidRequest") {
		t.Errorf("a role that is none: %v %s, want a failure with the problem", err, out)
	}
	if out, err := run("Finance", "another", ""); err == nil || !strings.Contains(out, "Forbidden") {
		t.Errorf("another key: %v %s, want a failure", err, out)
	}
}
