package handler_test

import (
	"strings"
	"testing"

	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
)

// Every form of event that does not identify one caller.
func TestIdentity_Anonymous(t *testing.T) {
	t.Parallel()
	jwt := func(edits ...lambdatest.Edit) []byte { return sample("http-api-jwt", edits...) }
	at := func(value any, path ...string) lambdatest.Edit {
		return set(value, append([]string{"requestContext", "authorizer"}, path...)...)
	}
	const rootARN = "arn:aws:iam::123456789012:root"
	someone := map[string]any{"sub": "u", "email": "amelia@example.com"}
	cognito := func(edits ...lambdatest.Edit) []byte { return sample("rest-api-cognito", edits...) }
	for name, event := range map[string][]byte{
		"no authorizer":                          jwt(set(absent{}, "requestContext", "authorizer")),
		"null":                                   jwt(set(nil, "requestContext", "authorizer")),
		"an authorizer as text":                  jwt(set("admin", "requestContext", "authorizer")),
		"no claims":                              jwt(at(absent{}, "jwt", "claims")),
		"no name":                                jwt(claim("email", absent{})),
		"an empty name":                          jwt(claim("email", "")),
		"two names":                              jwt(claim("email", "[amelia@example.com oskar@example.com]")),
		"another claim as an array":              jwt(claim("amr", []any{"pwd"})),
		"no subject":                             jwt(claim("sub", absent{})),
		"an address that is not verified":        jwt(claim("email_verified", "false")),
		"an empty email_verified":                jwt(claim("email_verified", "")),
		"email_verified as an object":            sample("appsync-oidc", set(map[string]any{}, "identity", "claims", "email_verified")),
		"email_verified as an array":             sample("appsync-oidc", set([]any{"true"}, "identity", "claims", "email_verified")),
		"a name as an array of objects":          sample("appsync-oidc", set([]any{map[string]any{}}, "identity", "claims", "email")),
		"JWT and IAM":                            jwt(at(map[string]any{"userArn": rootARN}, "iam")),
		"JWT and Lambda":                         jwt(at(someone, "lambda")),
		"IAM without an ARN":                     sample("http-api-iam", at("", "iam", "userArn")),
		"a function URL without auth":            sample("function-url-iam", set(absent{}, "requestContext", "authorizer")),
		"REST without an authorizer":             sample("rest-api-iam", set(nil, "requestContext", "identity", "userArn")),
		"REST with claims as text":               cognito(at("x", "claims")),
		"REST: Cognito and IAM":                  cognito(set(rootARN, "requestContext", "identity", "userArn")),
		"REST: Cognito and Lambda":               cognito(at("u", "principalId")),
		"REST: Lambda without principalId":       sample("rest-api-lambda", at(absent{}, "principalId")),
		"Lambda without a subject":               sample("http-api-lambda", at(absent{}, "lambda", "sub")),
		"AppSync with an API key":                sample("appsync-iam", set(nil, "identity")),
		"AppSync without identity":               sample("appsync-iam", set(absent{}, "identity")),
		"AppSync: claims and IAM":                sample("appsync-iam", set(someone, "identity", "claims")),
		"AppSync: claims and a Lambda's context": sample("appsync-oidc", set(someone, "identity", "resolverContext")),
		"AppSync: claims next to an odd member":  sample("appsync-oidc", set(5, "identity", "sourceIp")),
		"claims beside an odd member":            jwt(at(5, "lambda")),
		"a load balancer that says nothing":      sample("load-balancer", set("", "requestContext", "elb", "targetGroupArn")),
		"empty groups":                           jwt(claim("groups", "")),
		"groups in words":                        jwt(claim("groups", "no yes")),
		"quoted groups":                          jwt(claim("groups", `"yes"`)),
		"Lambda: broken groups":                  sample("http-api-lambda", at(`["no","yes"] also`, "lambda", "groups")),
		"AppSync: groups with a comma":           sample("appsync-oidc", set("no,yes", "identity", "claims", "groups")),
		"AppSync: groups in brackets":            sample("appsync-oidc", set("[yes]", "identity", "claims", "groups")),
		"AppSync: groups as objects":             sample("appsync-oidc", set([]any{map[string]any{}}, "identity", "claims", "groups")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim := "groups"
			if strings.HasPrefix(name, "REST") {
				claim = "cognito:groups"
			}
			b := newBroker(t, withPolicy(t, `permit(principal is Anonymous, action, resource);`), groupsClaim(claim))
			out, err := b.call("api", event)
			line := b.audit()
			if line["outcome"] != "NotPermitted" || line["principal"] != `Anonymous::""` {
				t.Errorf("%v as %v: %v %s", line["outcome"], line["principal"], err, out)
			}
			if reason, _ := line["unidentified"].(string); reason == "" || b.attempts() != 0 {
				t.Errorf("the audit line gives the reason %q, after %d calls of Atlas", reason, b.attempts())
			}
		})
	}
}

// Each of these names resembles amelia@example.com.
func TestOperator_Lookalikes(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for _, userName := range []string{
		"Amelia@example.com", "\u0430melia@example.com", "ａmelia@example.com", "ame\u0301lia@example.com", "*",
		"amelia\u200b@example.com", "amelia@example.com\u200d", "ame\u00adlia@example.com", "amelia@example.com\ufe0f",
		"amelia@example", "amelia@example.com.evil.example", "oskar@example.com", "amelia+@example.com",
	} {
		r := b.http(sample("http-api-jwt", body(request(`"X1"`, quoted(userName), `"Customer service"`))))
		if p := r.problem(t); p.Code != "NotPermitted" || !strings.Contains(p.Detail, "only as yourself") {
			t.Errorf("%q: HTTP %d %s %s", userName, r.StatusCode, p.Code, p.Detail)
		}
	}
	// A composed and a decomposed é are two names.
	composed := body(request(`"X1"`, `"am\u00e9lia"`, `"Customer service"`))
	if got := b.http(sample("http-api-jwt", claim("email", "ame\u0301lia"), composed)).code(t); got != "NotPermitted" {
		t.Errorf("a composed name for a decomposed one: %s", got)
	}
	if n := len(b.atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times", n)
	}
}

// The claim replaces an absent userName, but not an empty or null one, and is checked
// like one from the body.
func TestOperator_Name(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for _, row := range []struct{ claim, member, code string }{
		{"amelia@example.com", ``, "OK"},
		{"amelia@example.com", `,"userName":""`, "InvalidRequest"},
		{"amelia@example.com", `,"userName":null`, "InvalidRequest"},
		{" amelia", ``, "InvalidRequest"},
		{"amelia\u0007", ``, "InvalidRequest"},
		{"amelia\u202e", ``, "InvalidRequest"},
		{strings.Repeat("a", 129), ``, "InvalidRequest"},
	} {
		r := b.http(sample("http-api-jwt", claim("email", row.claim), body(`{"orderNo":"X1","role":"Customer service"`+row.member+`}`)))
		if got := r.code(t); got != row.code {
			t.Errorf("%q%s: %s, want %s", row.claim, row.member, got, row.code)
		} else if errs := r.problem(t).Errors; got != "OK" && (len(errs) != 1 || errs[0].Pointer != "/userName") {
			t.Errorf("%q%s: %v", row.claim, row.member, errs)
		}
	}
	if got, want := b.atlas.Requests()[0].Body, request(`"X1"`, `"amelia@example.com"`, `"Customer service"`); got != want {
		t.Errorf("Atlas received %s, want %s", got, want)
	}
	if _, code, _ := b.plain(`{"orderNo":"X1","role":"Customer service"}`); code != "InvalidRequest" {
		t.Errorf("a service without userName: %s", code)
	}
}

// The address is the one AWS saw, never a header's.
func TestSourceIP(t *testing.T) {
	t.Parallel()
	office := withPolicy(t, `permit(principal is Operator, action, resource);
		permit(principal is AwsPrincipal, action, resource);
		permit(principal is LoadBalancer, action, resource);
		forbid(principal, action, resource) unless { context has sourceIp && context.sourceIp.isInRange(ip("203.0.113.0/24")) };`)
	b := newBroker(t, office, func(c *handler.Config) { c.SAMLocal = true }, groupsClaim("cognito:groups"))
	away := "198.51.100.1"
	for name, row := range map[string]struct {
		event []byte
		want  string
	}{
		"HTTP API": {sample("http-api-jwt"), "OK"},
		"HTTP API from elsewhere": {sample("http-api-jwt", set(away, "requestContext", "http", "sourceIp"),
			headerSet("x-forwarded-for", "203.0.113.7"), headerSet("forwarded", "for=203.0.113.7"),
			headerSet("x-real-ip", "203.0.113.7")), "NotPermitted"},
		"REST API":                          {sample("rest-api-iam"), "OK"},
		"REST API from elsewhere":           {sample("rest-api-iam", set(away, "requestContext", "identity", "sourceIp")), "NotPermitted"},
		"AppSync":                           {sample("appsync-iam"), "OK"},
		"AppSync by way of proxies":         {sample("appsync-iam", set([]any{"203.0.113.7", away}, "identity", "sourceIp")), "NotPermitted"},
		"a load balancer's x-forwarded-for": {sample("load-balancer"), "NotPermitted"},
		"not an address": {sample("http-api-jwt", set("203.0.113.7, 203.0.113.8", "requestContext", "http", "sourceIp")),
			"NotPermitted"},
	} {
		_, _ = b.call("api", row.event)
		if got := b.audit()["outcome"]; got != row.want {
			t.Errorf("%s: %v, want %s", name, got, row.want)
		}
	}
}

// email_verified only matters if the name is the email.
func TestOperator_OtherNameClaim(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) { c.NameClaim = "preferred_username" })
	r := b.http(sample("http-api-jwt", claim("email_verified", "false"), claim("preferred_username", "amelia@example.com")))
	if got := r.code(t); got != "OK" {
		t.Errorf("%s: %s", got, r.Body)
	}
}

// An identity never comes from a header, the query or a stage variable.
func TestIdentity_NeverFromHeaders(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(t, `permit(principal is Anonymous, action, resource);`))
	token := bearer(`{"sub":"u1","email":"amelia@example.com","groups":["atrip-admin"]}`)
	open := set(absent{}, "requestContext", "authorizer")
	for header, value := range map[string]string{
		"authorization": token, "Authorization": "Basic YW1lbGlhOnNlY3JldA==", "x-amzn-oidc-data": token[7:], "cookie": "session=amelia",
		"x-amzn-oidc-identity": "amelia@example.com", "x-amzn-oidc-accesstoken": token[7:], "x-forwarded-user": "amelia@example.com",
		"x-forwarded-email": "amelia@example.com", "remote-user": "amelia@example.com", "x-api-key": "example",
		"x-amzn-mtls-clientcert-subject": "CN=amelia@example.com",
	} {
		if got := b.http(sample("http-api-jwt", open, headerSet(header, value))).code(t); got != "NotPermitted" {
			t.Errorf("%s: %s", header, got)
		}
		b.http(sample("load-balancer", headerSet(header, value)))
		if line := b.audit(); line["principal"] != `LoadBalancer::"`+targetGroup+`"` || line["operatorName"] != nil {
			t.Errorf("a load balancer's %s: %v", header, line["principal"])
		}
	}
	for _, member := range []string{"queryStringParameters", "stageVariables"} {
		event := sample("http-api-jwt", open, set(map[string]any{"email": "amelia@example.com"}, member))
		if got := b.http(event).code(t); got != "NotPermitted" {
			t.Errorf("%s: %s", member, got)
		}
	}
}
