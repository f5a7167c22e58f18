package main_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
)

// attack is one attempt to get what its sender must not have, against the built
// function.
type attack struct {
	name  string
	event []byte
	// door is the alias through which it comes; "" means api.
	door string
	// tool is the agent's tool in the client context, if any.
	tool string
	// want is the code of the refusal; or OK, when the attack fails by having no
	// effect, and then asked is the whole body that Atlas may be asked with.
	want, asked string
}

// marked is in every attack's made-up credentials: no output may hold it.
const marked = "MARKED-by-the-attacker"

// attacks are all of them, by what they aim at.
func attacks() map[string][]attack {
	all := map[string][]attack{}
	for _, group := range []map[string][]attack{identityAttacks(), operatorAttacks(), requestAttacks(), bodyAttacks()} {
		maps.Copy(all, group)
	}
	return all
}

// Every attack goes to one running function on the default policy, one after
// the other, and an honest request after each has to succeed.
func TestAttacks(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	f := start(t, env)
	count, names := 0, map[string]bool{}
	for group, list := range attacks() {
		for _, a := range list {
			if names[a.name] {
				t.Fatalf("two attacks are called %q", a.name)
			}
			names[a.name] = true
			count++
			t.Run(group+"/"+a.name, func(t *testing.T) { a.run(t, f, atlas) })
		}
	}
	if count < 60 {
		t.Errorf("there are %d attacks", count)
	}
	f.Stop()
	for name, text := range map[string]string{"stdout": f.Stdout(), "stderr": f.Stderr()} {
		for _, secret := range []string{clientSecret, marked, atlas.URL + "/"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
	auditOnly(t, f.Stdout(), 2*count)
}

// auditOnly checks that the log is one line of JSON a request: no attack has
// written a line of its own.
func auditOnly(t *testing.T, log string, requests int) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(log) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("a line of the log is not JSON: %q", line)
			continue
		}
		if m["message"] != "request" && m["msg"] != "request" || m["outcome"] == nil || m["requestId"] == nil {
			t.Errorf("a line of the log is no audit line: %q", line)
		}
		lines++
	}
	if lines != requests {
		t.Errorf("%d requests left %d lines", requests, lines)
	}
}

func (a attack) run(t *testing.T, f *lambdatest.Function, atlas *atlastest.Server) {
	before := len(atlas.Requests())
	if got := a.send(t, f); got != a.want {
		t.Errorf("the outcome is %s, want %s", got, a.want)
	}
	calls := atlas.Requests()[before:]
	switch {
	case a.want != "OK" && len(calls) != 0:
		t.Errorf("Atlas was asked for %s", calls[0].Body)
	case a.want == "OK" && (len(calls) != 1 || calls[0].Body != a.asked):
		t.Errorf("Atlas was asked %+v, want %s", calls, a.asked)
	}
	for _, call := range calls {
		for name, values := range call.Header {
			if strings.Contains(strings.Join(values, ""), marked) {
				t.Errorf("Atlas got the attacker's %s", name)
			}
		}
	}
	honest := attack{event: lambdatest.Event("http-api-jwt")}
	if got := honest.send(t, f); got != "OK" {
		t.Fatalf("after the attack an honest request gets %s", got)
	}
}

// send returns what the function answered: a code, or OK.
func (a attack) send(t *testing.T, f *lambdatest.Function) string {
	t.Helper()
	door := a.door
	if door == "" {
		door = "api"
	}
	o := &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":" + door}
	if a.tool != "" {
		o.ClientContext = `{"custom":{"bedrockAgentCoreToolName":"` + a.tool + `"}}`
	}
	reply, err := f.Invoke(t.Context(), a.event, o)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Failed() {
		return reply.ErrorType
	}
	var answer struct {
		StatusCode int             `json:"statusCode"`
		Body       string          `json:"body"`
		Code       string          `json:"code"` // Amazon Connect's
		URL        json.RawMessage `json:"url"`
	}
	if err := json.Unmarshal(reply.Payload, &answer); err != nil {
		t.Fatalf("the answer is not JSON: %s", reply.Payload)
	}
	var problem struct{ Code string }
	switch {
	case answer.Code != "":
		return answer.Code
	case answer.StatusCode == 200 || answer.StatusCode == 0 && answer.URL != nil:
		return "OK"
	case json.Unmarshal([]byte(answer.Body), &problem) != nil || problem.Code == "":
		t.Fatalf("the answer is no problem: %s", reply.Payload)
	}
	return problem.Code
}

// On a policy that looks at the source network, a header does not move its
// sender there; on one that permits a load balancer, its headers name nobody.
func TestAttacks_OnStricterPolicies(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	env["ATRIP_POLICY_FILE"] = filepath.Join("policies", "examples", "restricted.cedar")
	f := start(t, env)
	away := lambdatest.Set("198.51.100.1", "requestContext", "http", "sourceIp")
	for _, a := range []attack{
		{name: "x-forwarded-for from the office", event: lambdatest.Event("http-api-jwt", away, lambdatest.Header("x-forwarded-for", "203.0.113.7")), want: "NotPermitted"},
		{name: "forwarded from the office", event: lambdatest.Event("http-api-jwt", away, lambdatest.Header("forwarded", "for=203.0.113.7")), want: "NotPermitted"},
		{name: "x-real-ip from the office", event: lambdatest.Event("http-api-jwt", away, lambdatest.Header("x-real-ip", "203.0.113.7")), want: "NotPermitted"},
		{name: "a source address that is none", event: lambdatest.Event("http-api-jwt", lambdatest.Set("203.0.113.7, 198.51.100.1", "requestContext", "http", "sourceIp")), want: "NotPermitted"},
		{name: "the office's address in the path's place", event: lambdatest.Event("http-api-jwt", away, lambdatest.Set("203.0.113.7", "rawQueryString")), want: "NotPermitted"},
		{name: "another role from a service that may ask for one", event: []byte(strings.Replace(string(lambdatest.Event("plain")), "Customer service", "Admin", 1)), door: "service", want: "NotPermitted"},
		{name: "another role from a Connect flow", event: lambdatest.Event("connect", lambdatest.Set("Admin", "Details", "Parameters", "role")), door: "service", want: "NotPermitted"},
		{name: "an operator's event from a service", event: lambdatest.Event("http-api-jwt"), door: "service", want: "NotPermitted"},
		{name: "an operator's AppSync event from a service", event: lambdatest.Event("appsync-oidc"), door: "service", want: "NotPermitted"},
	} {
		t.Run(a.name, func(t *testing.T) {
			if got := a.send(t, f); got != a.want {
				t.Errorf("%s, want %s", got, a.want)
			}
		})
	}
	if n := len(atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times", n)
	}
}
