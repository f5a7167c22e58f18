package main_test

import (
	"fmt"
	"strings"

	"atriptoken/internal/lambdatest"
)

// bodyOf is a request's body with these members.
func bodyOf(orderNo, userName, role string) string {
	return fmt.Sprintf(`{"orderNo":%q,"userName":%q,"role":%q}`, orderNo, userName, role)
}

// honestBody is what the sample's operator may ask for.
var honestBody = bodyOf("XPFIW20220209163159425", "amelia@example.com", "Customer service")

// operatorAttacks are of somebody who is signed in and wants more.
func operatorAttacks() map[string][]attack {
	asks := func(name, body, want string) attack {
		return attack{name: name, event: lambdatest.Event("http-api-jwt", lambdatest.Body(body)), want: want}
	}
	as := func(name, userName, want string) attack {
		return asks(name, bodyOf("X1", userName, "Customer service"), want)
	}
	in := func(name, role, want string) attack {
		return asks(name, bodyOf("X1", "amelia@example.com", role), want)
	}
	return map[string][]attack{
		"as somebody else": {
			as("another's name", "oskar@example.com", "NotPermitted"),
			as("another case of the own name", "AMELIA@example.com", "NotPermitted"),
			as("a zero-width space in the own name", "amelia\u200b@example.com", "NotPermitted"),
			as("a Cyrillic letter in the own name", "\u0430melia@example.com", "NotPermitted"),
			as("a combining mark on the own name", "amelia\u0301@example.com", "NotPermitted"),
			as("full-width letters", "ａｍｅｌｉａ@example.com", "NotPermitted"),
			as("the own name and a domain more", "amelia@example.com.evil.example", "NotPermitted"),
			as("a wildcard for a name", "*", "NotPermitted"),
			as("a space after the own name", "amelia@example.com ", "InvalidRequest"),
			as("a no-break space before the own name", "\u00a0amelia@example.com", "InvalidRequest"),
			as("an empty name in the body", "", "InvalidRequest"),
			asks("a null for the name", `{"orderNo":"X1","userName":null,"role":"Customer service"}`, "InvalidRequest"),
			asks("the own name and another's in an array", `{"orderNo":"X1","userName":["amelia@example.com","oskar@example.com"],"role":"Customer service"}`, "InvalidRequest"),
			asks("the name twice", `{"orderNo":"X1","userName":"amelia@example.com","userName":"oskar@example.com","role":"Customer service"}`, "InvalidRequest"),
			asks("the name twice, in two cases", `{"orderNo":"X1","userName":"amelia@example.com","username":"oskar@example.com","role":"Customer service"}`, "InvalidRequest"),
			asks("the name twice, once escaped", `{"orderNo":"X1","userName":"amelia@example.com","user\u004eame":"oskar@example.com","role":"Customer service"}`, "InvalidRequest"),
			{name: "another's name to an AppSync field", event: lambdatest.Event("appsync-oidc", lambdatest.Set("oskar@example.com", "arguments", "userName")), want: "NotPermitted"},
			{name: "another's name to a REST API", event: lambdatest.Event("rest-api-lambda", lambdatest.Body(bodyOf("X1", "oskar@example.com", "Customer service"))), want: "NotPermitted"},
		},
		"in another role": {
			in("a role that no group grants", "Admin", "NotPermitted"),
			in("a role in another case", "customer service", "InvalidRequest"),
			in("a role that does not exist", "Owner", "InvalidRequest"),
			in("two roles in one string", "Customer service,Admin", "InvalidRequest"),
			in("a role with a space after it", "Customer service ", "InvalidRequest"),
			in("a role with an invisible character", "Customer\u200b service", "InvalidRequest"),
			in("an empty role", "", "InvalidRequest"),
			asks("no role", `{"orderNo":"X1","userName":"amelia@example.com"}`, "InvalidRequest"),
			asks("an array of roles", `{"orderNo":"X1","userName":"amelia@example.com","role":["Customer service","Admin"]}`, "InvalidRequest"),
			asks("the role twice", `{"orderNo":"X1","userName":"amelia@example.com","role":"Customer service","role":"Admin"}`, "InvalidRequest"),
			asks("the role twice, in two cases", `{"orderNo":"X1","userName":"amelia@example.com","role":"Customer service","ROLE":"Admin"}`, "InvalidRequest"),
			asks("a role beside the request", `{"orderNo":"X1","userName":"amelia@example.com","role":"Customer service"}{"role":"Admin"}`, "InvalidRequest"),
		},
		"to another account": {
			{name: "an account that is not configured", event: lambdatest.Event("http-api-jwt", lambdatest.Header("x-atrip-account", "production")), want: "NotPermitted"},
			{name: "two accounts", event: lambdatest.Event("http-api-jwt", lambdatest.Header("x-atrip-account", "default,production")), want: "NotPermitted"},
			{name: "two headers for an account", event: lambdatest.Event("load-balancer-multi-value", lambdatest.Set([]any{"default", "default"}, "multiValueHeaders", "x-atrip-account")), want: "NotPermitted"},
			{name: "an account in the body", event: lambdatest.Event("http-api-jwt", lambdatest.Body(strings.Replace(honestBody, "{", `{"account":"production",`, 1))), want: "InvalidRequest"},
			{name: "Atlas credentials in headers", event: lambdatest.Event("http-api-jwt", lambdatest.Header("x-atlas-client-id", marked), lambdatest.Header("X-Atlas-Client-Secret", marked)), want: "OK", asked: honestBody},
			{name: "Atlas credentials in the body", event: lambdatest.Event("http-api-jwt", lambdatest.Body(strings.Replace(honestBody, "{", `{"clientId":"`+marked+`",`, 1))), want: "InvalidRequest"},
			{name: "another host", event: lambdatest.Event("http-api-jwt", lambdatest.Header("host", "evil.example"), lambdatest.Header("x-forwarded-host", "evil.example")), want: "OK", asked: honestBody},
		},
	}
}

// requestAttacks are on the way to the broker's one path.
func requestAttacks() map[string][]attack {
	path := func(name, path, want string, edits ...lambdatest.Edit) attack {
		return attack{name: name, event: lambdatest.Event("http-api-iam", append(edits, lambdatest.Set(path, "rawPath"))...), want: want}
	}
	method := func(name, method string, edits ...lambdatest.Edit) attack {
		return attack{name: name, event: lambdatest.Event("http-api-iam", append(edits, lambdatest.Set(method, "requestContext", "http", "method"))...), want: "MethodNotAllowed"}
	}
	return map[string][]attack{
		"another path": {
			path("two slashes", "//getAtripToken.do", "NotFound"),
			path("an encoded slash", "/%2fgetAtripToken.do", "NotFound"),
			path("an encoded dot", "/getAtripToken%2edo", "NotFound"),
			path("a slash after it", "/getAtripToken.do/", "NotFound"),
			path("a dot after it", "/getAtripToken.do.", "NotFound"),
			path("a parameter after it", "/getAtripToken.do;x=1", "NotFound"),
			path("dot segments", "/x/../getAtripToken.do", "NotFound"),
			path("a backslash", "\\getAtripToken.do", "NotFound"),
			path("a NUL after it", "/getAtripToken.do\x00", "NotFound"),
			path("another case of the path", "/GETATRIPTOKEN.DO", "NotFound"),
			path("a whole URL", "https://evil.example/getAtripToken.do", "NotFound"),
			path("another stage's prefix", "/prod/getAtripToken.do", "NotFound", lambdatest.Set("$default", "routeKey"), lambdatest.Set("test", "requestContext", "stage")),
			path("no path", "", "NotFound"),
			{name: "a stage's prefix at a function URL", event: lambdatest.Event("function-url-iam", lambdatest.Set("/prod/getAtripToken.do", "rawPath")), want: "NotFound"},
			{name: "a proxy resource at a REST API", event: lambdatest.Event("rest-api-iam", lambdatest.Set("/x/getAtripToken.do", "path"), lambdatest.Set("/{proxy+}", "resource")), want: "NotFound"},
		},
		"another method": {
			method("GET", "GET"),
			method("GET with x-http-method-override", "GET", lambdatest.Header("x-http-method-override", "POST")),
			method("PUT with x-method-override", "PUT", lambdatest.Header("x-method-override", "POST")),
			method("TRACE", "TRACE"),
			method("a method in lower case", "post"),
			method("a method with a space", "POST "),
			{name: "POST that says DELETE", event: lambdatest.Event("http-api-jwt", lambdatest.Header("x-http-method-override", "DELETE")), want: "OK", asked: honestBody},
		},
		"no event at all": {
			{name: "nothing", event: []byte(" "), want: "InvalidRequest"},
			{name: "null", event: []byte("null"), want: "InvalidRequest"},
			{name: "no JSON", event: []byte("<xml/>"), want: "InvalidRequest"},
			{name: "an array of events", event: []byte("[" + string(lambdatest.Event("plain")) + "]"), door: "service", want: "InvalidRequest"},
			{name: "a queue's event", event: []byte(`{"Records":[{"body":"` + marked + `"}]}`), door: "service", want: "InvalidRequest"},
			{name: "6 MB", event: []byte(`{"x":"` + strings.Repeat("a", 6<<20) + `"}`), want: "InvalidRequest"},
			{name: "brackets without end", event: []byte(strings.Repeat("[", 1<<20)), want: "InvalidRequest"},
			{name: "objects without end", event: []byte(strings.Repeat(`{"a":`, 1<<18)), want: "InvalidRequest"},
			{name: "two shapes at once", event: lambdatest.Event("connect", lambdatest.Set("X1", "orderNo")), door: "service", want: "InvalidRequest"},
			{name: "a shape's version that nobody knows", event: lambdatest.Event("http-api-iam", lambdatest.Set("3.0", "version")), want: "InvalidRequest"},
			{name: "a context twice", event: []byte(strings.Replace(string(lambdatest.Event("http-api-iam")), `"requestContext":`, `"requestContext":{},"requestContext":`, 1)), want: "InvalidRequest"},
			{name: "ten thousand headers", event: lambdatest.Event("http-api-jwt", manyHeaders(10_000)), want: "OK", asked: honestBody},
		},
	}
}

func manyHeaders(n int) lambdatest.Edit {
	return func(event map[string]any) {
		for i := range n {
			lambdatest.Header(fmt.Sprintf("x-%d", i), marked)(event)
		}
	}
}
