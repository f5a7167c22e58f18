package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

const good = `{"clientId":"example-client","clientSecret":"example-secret"}`

// describing, if not nil, is called while the command waits for CloudFormation.
var describing atomic.Pointer[func()]

// account points the AWS SDK at a simulator of Secrets Manager with an empty secret, and at a CloudFormation with a stack
// that names it.
func account(t *testing.T, baseURL string) *secrettest.Server {
	t.Helper()
	secrets := secrettest.NewServer(&secrettest.Options{NoValue: true})
	t.Cleanup(secrets.Close)
	const stack = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>x</StackName>" +
		"<StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-02T03:04:05Z</CreationTime>%s</member></Stacks>" +
		"</DescribeStacksResult></DescribeStacksResponse>"
	cloudformation := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail := func(status int, code string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>example</Message></Error></ErrorResponse>", code)
		}
		if call := describing.Load(); call != nil {
			(*call)()
		}
		switch r.FormValue("StackName") {
		case "broker":
			fmt.Fprintf(w, stack, "<Parameters><member><ParameterKey>AtlasBaseUrl</ParameterKey><ParameterValue>"+baseURL+
				"</ParameterValue></member></Parameters><Outputs><member><OutputKey>SecretArn</OutputKey><OutputValue>"+secrets.ARN+
				"</OutputValue></member></Outputs>")
		case "half":
			fmt.Fprintf(w, stack, "")
		case "expired":
			fail(http.StatusForbidden, "ExpiredToken")
		default:
			fail(http.StatusBadRequest, "ValidationError")
		}
	}))
	t.Cleanup(cloudformation.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": cloudformation.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL, "AWS_REGION": secrettest.Region,
		"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	return secrets
}

// puts counts what was stored.
func puts(secrets *secrettest.Server) (n int) {
	for _, r := range secrets.Requests() {
		if r.Header.Get("X-Amz-Target") == "secretsmanager.PutSecretValue" {
			n++
		}
	}
	return n
}

func putsecret(t *testing.T, stdin io.Reader, args ...string) (code int, stderr string) {
	t.Helper()
	var out bytes.Buffer
	code = putSecret(t.Context(), args, stdin, &out)
	if strings.Contains(out.String(), "example-secret") {
		t.Errorf("the secret was printed: %s", out.String())
	}
	return code, out.String()
}

func TestPut_StandardInput(t *testing.T) {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	secrets := account(t, atlas.URL)

	broker := []string{"-stack", "broker"}
	for _, step := range []struct {
		rule, stdin string
		args        []string
		code        int
		says        string
		puts        int // so far
	}{
		{"refused credentials are not stored", "example-client\nexample-secret-of-another", broker, 1, "Atlas refuses these credentials", 0},
		{"nor are those in another form", `{"client_id":"a"}`, broker, 3, "must have the keys clientId and clientSecret", 0},
		{"one line is not both", "example-secret", broker, 3, "neither", 0},
		{"nothing is not both", "", broker, 3, "neither", 0},
		{"text that is not UTF-8", "example-client\n\xff\n", broker, 3, "not UTF-8", 0},
		{"more than a secret can hold", strings.Repeat("x", 65537), broker, 3, "more than 65536 bytes", 0},
		{"two lines are stored", "example-client\nexample-secret\n", broker, 0, "stored as version", 1},
		{"the same again changes nothing", good, broker, 0, "nothing was changed", 1},
		{"-secret names a secret", good, []string{"-secret", secrets.ARN, "-atlas-url", atlas.URL}, 0, "nothing was changed", 1},
		{"-unchecked asks Atlas nothing", `{"clientId":"a","clientSecret":"b"}`, append(broker, "-unchecked"), 0, "stored as version", 2},
		{"a stack without outputs", good, []string{"-stack", "half"}, 2, "has no output SecretArn; wait until it is deployed", 2},
		{"expired AWS credentials", good, []string{"-stack", "expired"}, 2, "not accept the credentials (ExpiredToken); get new ones", 2},
		{"no stack of that name", good, []string{"-stack", "other"}, 2, `there is no stack "other"`, 2},
	} {
		code, stderr := putsecret(t, strings.NewReader(step.stdin), step.args...)
		if code != step.code || !strings.Contains(stderr, step.says) {
			t.Errorf("%s: exit code %d, %q; want %d and %q", step.rule, code, stderr, step.code, step.says)
		}
		if n := puts(secrets); n != step.puts {
			t.Errorf("%s: %d values were put, want %d", step.rule, n, step.puts)
		}
	}
}

func TestPut_AtlasDown(t *testing.T) {
	secrets := account(t, "http://127.0.0.1:1") // no listener
	code, stderr := putsecret(t, strings.NewReader(good), "-stack", "broker")
	if code != 4 || puts(secrets) != 0 || !strings.Contains(stderr, "is not known (Atlas cannot be reached") {
		t.Errorf("exit code %d, %d values put, %q", code, puts(secrets), stderr)
	}
	for _, want := range []struct {
		answer     string
		code, puts int
	}{{"no\r", 4, 0}, {"yes\r", 0, 1}} {
		code, shown := typed(t, "broker", "example-client\r", "example-secret\r", want.answer)
		if code != want.code || puts(secrets) != want.puts || !strings.Contains(shown, "Store them in any case?") {
			t.Errorf("exit code %d, %d values put, want %+v; on the screen: %q", code, puts(secrets), want, shown)
		}
	}
}

func TestPut_Denied(t *testing.T) {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	secrets := account(t, atlas.URL)
	secrets.Always(secrettest.AccessDenied())
	code, stderr := putsecret(t, strings.NewReader(good), "-stack", "broker")
	last := stderr[strings.Index(stderr, "nothing was stored"):]
	if code != 2 || !strings.Contains(last, "may not call Secrets Manager PutSecretValue") || strings.Count(last, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestPut_CommandLine(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		rule string
		args []string
		says string
	}{
		{"nowhere to put it", nil, "give -stack or -secret"},
		{"two places", []string{"-stack", "a", "-secret", "b"}, "give -stack or -secret"},
		{"nothing to check against", []string{"-secret", "b"}, "-atlas-url"},
		{"the secret as an argument is not repeated", []string{"-stack", "a", "example-secret"}, "takes no arguments but flags"},
	} {
		code, stderr := putsecret(t, strings.NewReader(""), row.args...)
		if code != 2 || !strings.Contains(stderr, row.says) {
			t.Errorf("%s: exit code %d, %q", row.rule, code, stderr)
		}
	}
	if code, stderr := putsecret(t, strings.NewReader(""), "-h"); code != 0 || !strings.Contains(stderr, "usage: putsecret") {
		t.Errorf("-h: exit code %d, %q", code, stderr)
	}
}
