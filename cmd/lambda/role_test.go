package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// platform are the actions that Lambda and Secrets Manager call with the role. The
// function's code never calls them.
var platform = []string{
	// Lambda sends the log (Lambda developer guide, "Sending Lambda function logs to CloudWatch Logs").
	"logs:CreateLogStream", "logs:PutLogEvents",
	// Secrets Manager decrypts for the caller (Secrets Manager user guide, "Secret encryption and decryption").
	"kms:Decrypt",
	// Lambda places the function into a VPC (Lambda developer guide, "Giving Lambda functions access to resources in an
	// Amazon VPC").
	"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
	"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	// Lambda's daemon sends the traces (Lambda developer guide, "Visualize Lambda function invocations using AWS X-Ray").
	"xray:PutTraceSegments", "xray:PutTelemetryRecords",
}

// The built function makes every AWS call that it knows: start, refusal, fallback,
// refresh. The template's role allows exactly those.
func TestRole_ExactlyTheCalls(t *testing.T) {
	t.Parallel()
	atlas, secrets, env := upstreams(t)
	aws := newAWS(t, secrets)
	env["AWS_ENDPOINT_URL"] = aws.URL // every service that has no endpoint of its own
	env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = aws.URL
	env["ATRIP_SECRET_TTL"] = "1s"
	f := start(t, env)
	for _, value := range []string{"", `{"clientId":"example-client","clientSecret":"wrong"}`} {
		if value != "" {
			secrets.Put(value) // Atlas refuses it: the function fetches again and tries the previous one
			atlas.SetCredentials()
		}
		service := &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":service"}
		if _, err := f.Invoke(t.Context(), []byte(event), service); err != nil {
			t.Fatal(err)
		}
	}
	calls := aws.calls()
	if len(calls) == 0 {
		t.Fatal("no calls were recorded")
	}
	role := actionsOf(t, read(t, "template.yaml"), "FunctionRole")
	for _, call := range calls {
		if !slices.Contains(role, call) {
			t.Errorf("the function calls %s, which its role does not allow", call)
		}
	}
	for _, action := range role {
		if !slices.Contains(calls, action) && !slices.Contains(platform, action) {
			t.Errorf("the role allows %s, which the function does not call", action)
		}
	}
}

// recorder replaces AWS and records each call by its IAM action.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]bool
}

func newAWS(t *testing.T, secrets *secrettest.Server) *recorder {
	t.Helper()
	behind, err := url.Parse(secrets.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	r := &recorder{seen: map[string]bool{}}
	// "… Credential=AKID/20260102/eu-west-1/secretsmanager/aws4_request, …" (IAM user guide, "Signature Version 4").
	scope := regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request`)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		service := "unsigned"
		if found := scope.FindStringSubmatch(request.Header.Get("Authorization")); found != nil {
			service = found[1]
		}
		target := request.Header.Get("X-Amz-Target")
		operation := target[strings.LastIndex(target, ".")+1:]
		if target == "" {
			body, _ := io.ReadAll(request.Body)
			operation = request.Method + request.URL.Path + " " + string(body)
		}
		r.mu.Lock()
		r.seen[service+":"+operation] = true
		r.mu.Unlock()
		if service != "secretsmanager" {
			http.Error(w, "AccessDenied", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) calls() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var calls []string
	for call := range r.seen {
		calls = append(calls, call)
	}
	slices.Sort(calls)
	return calls
}

// actionsOf returns the actions of a role's policies in the template.
func actionsOf(t *testing.T, template, role string) []string {
	t.Helper()
	block := regexp.MustCompile(`(?ms)^  ` + role + `:\n.*?^      Policies:\n(.*?)^  [#\w]`).FindStringSubmatch(template)
	if block == nil {
		t.Fatalf("the template has no %s", role)
	}
	actions := find(block[1], `\b([a-z0-9]+:[A-Z*]\w*)`)
	actions = slices.DeleteFunc(actions, func(action string) bool { return action == "kms:ViaService" }) // a condition's key
	slices.Sort(actions)
	return slices.Compact(actions)
}
