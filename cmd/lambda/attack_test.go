package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
)

// attack is an attempt to get an unauthorised link or to write into the log.
// handler's tests have the complete tables; these go through the built function.
type attack struct {
	group string
	name  string
	event []byte
	door  string // the alias; "" means none
	tool  string // the agent's tool in the client context
	want  string // the refusal's code, or OK if the attack has no effect
	sent  string // what Atlas receives if want is OK; "" means honestBody
}

// marked is in the attacks' made-up credentials; no output may contain it.
const marked = "MARKED-by-the-attacker"

const honestBody = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Customer service"}`

func attacks() (all []attack) {
	header, set, event := lambdatest.Header, lambdatest.Set, lambdatest.Event
	group := "an identity in a header"
	put := func(a attack) {
		a.group = group
		all = append(all, a)
	}
	add := func(want, name string, event []byte) { put(attack{name: name, event: event, door: "api", want: want}) }
	through := func(door, name string, event []byte) {
		put(attack{name: name + " through " + door, event: event, door: door, want: "NotPermitted"})
	}
	encode := base64.RawURLEncoding.EncodeToString
	const admin = `{"sub":"00u1","email":"amelia@example.com","groups":["atrip-admin","atrip-customer-service"]}`
	token := encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(admin)) + "." + encode([]byte(marked))

	open := lambdatest.Remove("requestContext", "authorizer")
	for name, value := range map[string]string{
		"authorization": "Bearer " + token, "Authorization": "Basic YW1lbGlhOnNlY3JldA==", "x-amzn-oidc-data": token,
		"x-amzn-oidc-identity": "amelia@example.com", "x-amzn-oidc-accesstoken": token, "x-forwarded-user": "amelia@example.com",
		"x-forwarded-email": "amelia@example.com", "remote-user": "amelia@example.com", "cookie": "session=amelia", "x-api-key": "example",
		"x-amzn-mtls-clientcert-subject": "CN=amelia@example.com",
	} {
		add("NotPermitted", "an open route with "+name, event("http-api-jwt", open, header(name, value)))
		add("NotPermitted", "a load balancer with "+name, event("load-balancer", header(name, value)))
	}
	email := map[string]any{"email": "amelia@example.com"}
	add("NotPermitted", "an identity in the query", event("http-api-jwt", open, set(email, "queryStringParameters")))
	add("NotPermitted", "an identity in stage variables", event("http-api-jwt", open, set(email, "stageVariables")))
	add("NotPermitted", "an open function URL", event("function-url-iam", open))
	add("NotPermitted", "an AppSync API key",
		event("appsync-cognito", set(nil, "identity"), set(token, "request", "headers", "authorization")))
	add("NotPermitted", "two authorizers", event("http-api-jwt", set(map[string]any{"userArn": "arn:aws:iam::123456789012:root"},
		"requestContext", "authorizer", "iam")))

	group = "the wrong alias"
	for _, name := range lambdatest.EventNames() {
		switch name {
		case "plain", "connect":
			through("api", name, event(name))
		default:
			through("service", name, event(name))
		}
		through("canary", name, event(name))
	}
	through("Service", "plain", event("plain"))
	through("api-v2", "http-api-jwt", event("http-api-jwt"))
	through("", "http-api-jwt", event("http-api-jwt"))
	through("$LATEST", "appsync-oidc", event("appsync-oidc"))
	put(attack{name: "a tool call through api", event: event("plain"), door: "api", tool: "open_atrip", want: "NotPermitted"})
	put(attack{name: "HTTP as a tool call", event: event("http-api-iam"), door: "service", tool: "open_atrip", want: "NotPermitted"})

	group = "another name, role, account or host"
	other := strings.Replace(honestBody, "amelia", "oskar", 1)
	add("NotPermitted", "another name", event("http-api-jwt", lambdatest.Body(other)))
	add("NotPermitted", "another name to a REST API", event("rest-api-lambda", lambdatest.Body(other)))
	add("NotPermitted", "another name to AppSync", event("appsync-oidc", set("oskar@example.com", "arguments", "userName")))
	add("NotPermitted", "another role", event("http-api-jwt", lambdatest.Body(strings.Replace(honestBody, "Customer service", "Admin", 1))))
	add("InvalidRequest", "two roles", event("http-api-jwt", lambdatest.Body(strings.Replace(honestBody, "}", `,"ROLE":"Admin"}`, 1))))
	add("NotPermitted", "another account", event("http-api-jwt", header("x-atrip-account", "production")))
	add("NotPermitted", "two accounts",
		event("load-balancer-multi-value", set([]any{"default", "default"}, "multiValueHeaders", "x-atrip-account")))
	add("OK", "Atlas credentials", event("http-api-jwt", header("x-atlas-client-id", marked), header("X-Atlas-Client-Secret", marked)))
	add("InvalidRequest", "Atlas credentials in the body",
		event("http-api-jwt", lambdatest.Body(strings.Replace(honestBody, "{", `{"clientId":"`+marked+`",`, 1))))
	add("OK", "another host", event("http-api-jwt", header("host", "evil.example"), header("x-forwarded-host", "evil.example")))
	add("OK", "POST that says DELETE", event("http-api-jwt", header("x-http-method-override", "DELETE")))
	add("MethodNotAllowed", "GET that says POST", event("http-api-jwt", set("GET", "requestContext", "http", "method"),
		header("x-http-method-override", "POST")))
	add("UnsupportedMediaType", "two content types", event("rest-api-iam",
		set([]any{"application/json", "text/plain"}, "multiValueHeaders", "Content-Type")))

	// It stays text: unchanged to Atlas, one JSON string in the log.
	group = "text that writes elsewhere"
	const forged = `X1\r\n{\"message\":\"request\",\"outcome\":\"OK\"}`
	add("InvalidRequest", "a line break", event("http-api-iam", lambdatest.Body(orderBody(forged))))
	add("InvalidRequest", "an escape sequence", event("http-api-iam", lambdatest.Body(orderBody(`X1\u001b[2J`))))
	for name, order := range map[string]string{"quotes and braces": `\"},{\"outcome\":\"OK\"`, "a path": "../../admin?x=1#y"} {
		body := orderBody(order)
		put(attack{name: name, event: event("http-api-iam", lambdatest.Body(body)), door: "api", want: "OK", sent: body})
	}
	add("OK", "a line break in a header", event("http-api-jwt", header("x-a", "1\r\nx-atlas-client-id: "+marked)))
	add("OK", "a line break in the request id", event("http-api-jwt", set("id\n{\"outcome\":\"OK\"}", "requestContext", "requestId")))
	add("OK", "a line break in the subject", event("http-api-jwt",
		set("00u1\n{\"outcome\":\"OK\"}", "requestContext", "authorizer", "jwt", "claims", "sub")))
	add("OK", "very many headers", event("http-api-jwt", manyHeaders(5_000)))
	large := strings.Replace(honestBody, "Finance", "Finance"+strings.Repeat(" ", 16<<10), 1) + strings.Repeat(" ", 16<<10)
	put(attack{name: "a large request from a service", event: []byte(large), door: "service", want: "BodyTooLarge"})
	put(attack{name: "a large request from a flow", door: "service", want: "BodyTooLarge",
		event: event("connect", set(strings.Repeat("x", 20<<10), "Details", "Parameters", "orderNo"))})
	return all
}

// orderBody returns a body with this order number, given as JSON text.
func orderBody(orderNo string) string {
	return fmt.Sprintf(`{"orderNo":"%s","userName":"amelia@example.com","role":"Finance"}`, orderNo)
}

func manyHeaders(n int) lambdatest.Edit {
	return func(event map[string]any) {
		for i := range n {
			lambdatest.Header(fmt.Sprintf("x-%d", i), marked)(event)
		}
	}
}

// Every attack goes to one running function on the default policy. An honest
// request after each must succeed.
func TestFunction_Attacks(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	f := start(t, env)
	all := attacks()
	for _, a := range all {
		t.Run(a.group+"/"+a.name, func(t *testing.T) { a.run(t, f, atlas) })
	}
	f.Stop()
	for name, text := range map[string]string{"stdout": f.Stdout(), "stderr": f.Stderr()} {
		for _, secret := range []string{clientSecret, marked, atlas.URL + "/"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s contains %s", name, secret)
			}
		}
	}
	if lines := auditLines(t, f); len(lines) != 2*len(all) {
		t.Errorf("%d requests left %d audit lines", 2*len(all), len(lines))
	}
}

// auditLines returns the function's log, and checks that it has only audit lines.
func auditLines(t *testing.T, f *lambdatest.Function) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(f.Stdout()) {
		var line map[string]any
		err := json.Unmarshal([]byte(text), &line)
		if err != nil || line["message"] != "request" || line["outcome"] == nil || line["requestId"] == nil {
			t.Errorf("not an audit line: %q", text)
		}
		lines = append(lines, line)
	}
	return lines
}

func (a attack) run(t *testing.T, f *lambdatest.Function, atlas *atlastest.Server) {
	before := len(atlas.Requests())
	if got := a.send(t, f); got != a.want {
		t.Errorf("the outcome is %s, want %s", got, a.want)
	}
	calls := atlas.Requests()[before:]
	sent := a.sent
	if sent == "" {
		sent = honestBody
	}
	switch {
	case a.want != "OK" && len(calls) != 0:
		t.Errorf("Atlas received %s", calls[0].Body)
	case a.want == "OK" && (len(calls) != 1 || calls[0].Body != sent):
		t.Errorf("Atlas received %+v, want %s", calls, sent)
	}
	for _, call := range calls {
		for name, values := range call.Header {
			if strings.Contains(strings.Join(values, ""), marked) {
				t.Errorf("Atlas received the attacker's %s", name)
			}
		}
	}
	honest := attack{event: lambdatest.Event("http-api-jwt"), door: "api"}
	if got := honest.send(t, f); got != "OK" {
		t.Fatalf("after the attack an honest request gets %s", got)
	}
}

// send returns the answer's code, or OK.
func (a attack) send(t *testing.T, f *lambdatest.Function) string {
	t.Helper()
	o := &lambdatest.InvokeOptions{FunctionARN: strings.TrimSuffix(lambdatest.DefaultFunctionARN+":"+a.door, ":")}
	if a.tool != "" {
		o.ClientContext = `{"custom":{"bedrockAgentCoreToolName":"` + a.tool + `"}}`
	}
	reply, err := f.Invoke(t.Context(), a.event, o)
	if err != nil {
		t.Fatal(err)
	}
	return codeOf(t, reply)
}

// codeOf returns a reply's code, or OK: of a function error, a problem document or
// Amazon Connect's map.
func codeOf(t *testing.T, reply lambdatest.Reply) string {
	t.Helper()
	var answer struct {
		StatusCode int             `json:"statusCode"`
		Body       string          `json:"body"`
		Code       string          `json:"code"` // Amazon Connect's
		URL        json.RawMessage `json:"url"`
	}
	var problem struct{ Code string }
	switch err := json.Unmarshal(reply.Payload, &answer); {
	case reply.Failed():
		return reply.ErrorType
	case err != nil:
		t.Fatalf("the answer is not JSON: %s", reply.Payload)
	case answer.Code != "":
		return answer.Code
	case answer.StatusCode == 200 || answer.StatusCode == 0 && answer.URL != nil:
		return "OK"
	case json.Unmarshal([]byte(answer.Body), &problem) != nil || problem.Code == "":
		t.Fatalf("the answer is not a problem document: %s", reply.Payload)
	}
	return problem.Code
}
