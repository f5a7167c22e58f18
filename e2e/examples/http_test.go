package examples

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"atriptoken/e2e/local"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

func TestFetch(t *testing.T) {
	s := local.Start(t)
	for _, row := range []struct{ name, user, role, want string }{
		{"link", "amelia@example.com", "Customer service", `{"url":"` + s.Atlas},
		{"role not granted", "amelia@example.com", "Admin", `{"status":403,"code":"NotPermitted","requestId":"`},
		{"unknown role", "amelia@example.com", "Boss", `{"status":400,"code":"InvalidRequest","requestId":"`},
		{"no token", "", "Finance", `{"status":401,"requestId":"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			script := `import { askForLink } from './fetch.js';
				const [endpoint, issuer, user, role] = process.argv.slice(1);
				const token = user && await (await fetch(issuer + '/dev-token?user=' + user)).text();
				try { console.log(JSON.stringify({ url: await askForLink(endpoint, token, { orderNo: 'X1', role }) })); }
				catch (e) { console.log(JSON.stringify({ status: e.status, code: e.code, requestId: e.requestId })); }`
			node := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval", script, s.API, s.Issuer, row.user, row.role)
			node.Dir = dir
			out, err := node.CombinedOutput()
			if err != nil {
				t.Fatalf("node: %v\n%s", err, out)
			}
			if !strings.HasPrefix(string(out), row.want) {
				t.Errorf("got %s, want %s…", out, row.want)
			}
		})
	}
}

// signed reports whether a request has the right signature: the SDK's signer
// has to make the same one.
func signed(t *testing.T, r *http.Request, body []byte) bool {
	t.Helper()
	authorization := strings.ReplaceAll(r.Header.Get("Authorization"), ", ", ",")
	_, rest, _ := strings.Cut(authorization, ",SignedHeaders=")
	names, _, found := strings.Cut(rest, ",")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if !found || err != nil {
		return false
	}
	again, err := http.NewRequestWithContext(t.Context(), r.Method, "http://"+r.Host+r.URL.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(names, ";") {
		if name != "host" && name != "x-amz-security-token" { // the signer sets these
			again.Header.Set(name, r.Header.Get(name))
		}
	}
	credentials := aws.Credentials{
		AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "example", SessionToken: r.Header.Get("X-Amz-Security-Token"),
	}
	hash := fmt.Sprintf("%x", sha256.Sum256(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, again, hash, "execute-api", "eu-west-1", at); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(again.Header.Get("Authorization"), ", ", ",") == authorization
}

func TestSigV4(t *testing.T) {
	b := newBroker(t)
	// API Gateway with an IAM authorizer.
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !signed(t, r, body) {
			http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
			return
		}
		event := lambdatest.Event("http-api-iam", lambdatest.Body(string(body)))
		answer, _ := b.invoke(t, "api", json.RawMessage(event))
		w.WriteHeader(int(answer["statusCode"].(float64)))
		_, _ = io.WriteString(w, answer["body"].(string))
	}))
	defer api.Close()
	run := func(role, key, session string) (string, error) {
		script := exec.CommandContext(t.Context(), filepath.Join(dir, "sigv4.sh"), api.URL+"/getAtripToken.do",
			`"quoted" order\`, "amelia@example.com", role)
		script.Env = rig.Environ("AWS_SECRET_ACCESS_KEY="+key, "AWS_SESSION_TOKEN="+session)
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
		t.Errorf("unknown role: %v %s, want a failure with the problem", err, out)
	}
	if out, err := run("Finance", "another", ""); err == nil || !strings.Contains(out, "Forbidden") {
		t.Errorf("wrong key: %v %s, want a failure", err, out)
	}
}
