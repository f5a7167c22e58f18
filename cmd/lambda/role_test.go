package main_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
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
}

// The built function makes every AWS call that it knows: start, refusal, fallback,
// refresh. The template's role allows exactly those.
func TestRole_ExactlyTheCalls(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	others := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the function calls another service than Secrets Manager: %s %s %s", r.Method, r.URL, r.Header.Get("X-Amz-Target"))
		http.Error(w, "AccessDenied", http.StatusForbidden)
	}))
	t.Cleanup(others.Close)
	f.Env["AWS_ENDPOINT_URL"] = others.URL // every service that has no endpoint of its own
	f.Env["ATRIP_SECRET_TTL"] = "1s"
	f.Start(t)
	for _, value := range []string{"", `{"clientId":"example-client","clientSecret":"wrong"}`} {
		if value != "" {
			f.Secrets.Put(value) // Atlas refuses it: the function fetches again and tries the previous one
			f.Atlas.SetCredentials()
		}
		ask(t, f, event, "service")
	}
	var calls []string
	for _, r := range f.Secrets.Requests() {
		calls = append(calls, strings.Replace(r.Header.Get("X-Amz-Target"), ".", ":", 1))
	}
	slices.Sort(calls)
	allowed := slices.DeleteFunc(actionsOf(t, read(t, "template.yaml"), "FunctionRole"), func(action string) bool {
		return slices.Contains(platform, action)
	})
	if calls = slices.Compact(calls); !slices.Equal(calls, allowed) {
		t.Errorf("the function calls %q, and its role allows %q", calls, allowed)
	}
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
