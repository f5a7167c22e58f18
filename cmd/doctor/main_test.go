package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

// doctor runs the command as a shell would and returns what it wrote.
func doctor(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errors bytes.Buffer
	code = run(t.Context(), args, &out, &errors)
	return code, out.String(), errors.String()
}

// account points the AWS SDK at a server with the handler, and at the simulator of Secrets Manager.
func account(t *testing.T, sts http.HandlerFunc) *secrettest.Server {
	t.Helper()
	server := httptest.NewServer(sts)
	t.Cleanup(server.Close)
	secrets := secrettest.NewServer(nil)
	t.Cleanup(secrets.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL, "AWS_REGION": secrettest.Region,
		"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	return secrets
}

func known(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "account-settings") {
		fmt.Fprint(w, `{"AccountLimit":{"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":1000}}`)
		return
	}
	fmt.Fprint(w, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/deployer</Arn>"+
		"</GetCallerIdentityResult></GetCallerIdentityResponse>")
}

func expired(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token is expired</Message></Error></ErrorResponse>")
}

func TestDoctor_BeforeDeployment(t *testing.T) {
	secrets := account(t, known)
	secrets.Put(`{"clientId":"example-client","clientSecret":"example-secret"}`)
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()

	code, stdout, stderr := doctor(t, "-atlas-url", atlas.URL, "-secret", secrets.ARN)
	if code != 0 {
		t.Errorf("exit code %d, want 0\n%s%s", code, stdout, stderr)
	}
	for _, line := range []string{"pass  aws-identity", "pass  atlas ", "pass  secret", "pass  atlas-credentials", "0 failed"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("no line with %q in\n%s", line, stdout)
		}
	}
	if strings.Contains(stdout+stderr, "example-secret") {
		t.Error("the secret was printed")
	}

	secrets.Put(`{"clientId":"example-client","clientSecret":"wrong"}`)
	code, stdout, _ = doctor(t, "-atlas-url", atlas.URL, "-secret", secrets.ARN)
	if code != 1 || !strings.Contains(stdout, "FAIL  atlas-credentials") || !strings.Contains(stdout, "-> make a new client secret") {
		t.Errorf("a refused secret: exit code %d, want 1 and a FAIL line with its fix\n%s", code, stdout)
	}
}

func TestDoctor_NoAccessToAWS(t *testing.T) {
	account(t, expired)
	code, stdout, stderr := doctor(t, "-stack", "broker")
	// The mark is in the line, and in the legend at the end.
	if code != 2 || strings.Count(stdout, "????") != 2 || !strings.Contains(stdout, "AWS does not accept the credentials (ExpiredToken)\n") {
		t.Errorf("expired credentials: exit code %d, want 2 and one line\n%s%s", code, stdout, stderr)
	}
	account(t, known)
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	code, stdout, stderr = doctor(t, "-stack", "broker")
	if code != 2 || !strings.Contains(stdout, "no AWS Region is set, and there are no usable AWS credentials\n") ||
		!strings.Contains(stdout, "-> set AWS_REGION; sign in (aws sso login) or set AWS_PROFILE\n") {
		t.Errorf("no Region, no credentials: exit code %d, want 2 and both in one line\n%s%s", code, stdout, stderr)
	}
}

func TestDoctor_JSON(t *testing.T) {
	account(t, known)
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	for url, want := range map[string]int{atlas.URL: 0, "http://127.0.0.1:1": 1} { // port 1 has no listener
		code, stdout, _ := doctor(t, "-json", "-atlas-url", url)
		var document struct {
			ExitCode *int
			Results  []struct{ Check, Status, Cause string }
		}
		if err := json.Unmarshal([]byte(stdout), &document); err != nil {
			t.Fatalf("stdout is not one JSON document: %v\n%s", err, stdout)
		}
		if document.ExitCode == nil || *document.ExitCode != code || code != want || len(document.Results) != 4 {
			t.Errorf("exit code %d, want %d, document %+v", code, want, document)
		}
	}
}

func TestDoctor_CommandLine(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		rule string
		args []string
		code int
		says string
	}{
		{"help", []string{"-h"}, 0, "usage: doctor"},
		{"the policy", []string{"-policy", "-secret", "arn:example:atlas-AbCdEf"}, 0, `"Resource": "arn:example:atlas-AbCdEf"`},
		{"a word in place of a flag", []string{"broker"}, 2, `"broker" is not a flag; give the stack by -stack`},
		{"a call without a stack", []string{"-call", "-order", "X", "-user", "X", "-role", "X"}, 2, "-call needs -stack"},
		{"a call without an operator", []string{"-call", "-stack", "x", "-order", "X"}, 2, "-call needs -stack, -order, -user and -role"},
		{"an order without a call", []string{"-order", "X"}, 2, "are for -call"},
		{"http to another machine", []string{"-atlas-url", "http://example.com"}, 2, "-atlas-url must be https"},
		{"a missing token file", []string{"-token-file", empty + "x"}, 2, "-token-file: open"},
		{"a token file without a token", []string{"-token-file", empty}, 2, "-token-file holds no token"},
		{"a token file with a space", []string{"-wrong-token-file", "main_test.go"}, 2, "-wrong-token-file holds no token"},
		{"an unknown flag", []string{"-tokenfile"}, 2, "not defined"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := doctor(t, row.args...)
			if code != row.code || !strings.Contains(stdout+stderr, row.says) || code == 2 && stdout != "" {
				t.Errorf("exit code %d, %q, %q; want %d and %q", code, stdout, stderr, row.code, row.says)
			}
		})
	}
}

func TestToken_File(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("Bearer a.b.c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := token("-token-file", file); err != nil || got.Reveal() != "a.b.c" {
		t.Errorf("got %v, %v", got, err)
	}
}
