package main_test

import (
	"encoding/base64"

	"atriptoken/internal/lambdatest"
)

// bearer is an Authorization header with a token of these claims that nobody
// has signed.
func bearer(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return "Bearer " + encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte(marked))
}

const rootARN = "arn:aws:iam::123456789012:root"

// identityAttacks pretend to be somebody.
func identityAttacks() map[string][]attack {
	claim, header, set := lambdatest.Claim, lambdatest.Header, lambdatest.Set
	const admin = `{"sub":"00u1","email":"amelia@example.com","iss":"https://login.example.com","groups":["atrip-admin","atrip-customer-service"]}`
	authorizer := func(path ...string) []string { return append([]string{"requestContext", "authorizer"}, path...) }
	none := func(edits ...lambdatest.Edit) []byte {
		return lambdatest.Event("http-api-jwt", append([]lambdatest.Edit{lambdatest.Remove("requestContext", "authorizer")}, edits...)...)
	}
	alb := func(edits ...lambdatest.Edit) []byte { return lambdatest.Event("load-balancer", edits...) }
	refuse := func(name string, event []byte) attack { return attack{name: name, event: event, want: "NotPermitted"} }
	through := func(door, name string, event []byte) attack {
		return attack{name: name, event: event, door: door, want: "NotPermitted"}
	}
	return map[string][]attack{
		"headers that name somebody": {
			refuse("Authorization on a route without an authorizer", none(header("authorization", bearer(admin)))),
			refuse("Authorization Basic", none(header("authorization", "Basic YW1lbGlhOnNlY3JldA=="))),
			refuse("an AWS signature that nobody checked", none(header("authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260312/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=00"))),
			refuse("x-amzn-oidc-data at an HTTP API", none(header("x-amzn-oidc-data", bearer(admin)[7:]))),
			refuse("x-amzn-oidc-identity at an HTTP API", none(header("x-amzn-oidc-identity", "amelia@example.com"))),
			refuse("x-amzn-oidc-data at a load balancer", alb(header("x-amzn-oidc-data", bearer(admin)[7:]))),
			refuse("x-amzn-oidc-identity at a load balancer", alb(header("x-amzn-oidc-identity", "amelia@example.com"))),
			refuse("x-amzn-oidc-accesstoken at a load balancer", alb(header("x-amzn-oidc-accesstoken", bearer(admin)[7:]))),
			refuse("Authorization at a load balancer", alb(header("authorization", bearer(admin)))),
			refuse("x-amzn-oidc-data among several values", lambdatest.Event("load-balancer-multi-value", set([]any{bearer(admin)[7:]}, "multiValueHeaders", "x-amzn-oidc-data"))),
			refuse("a client certificate's header", alb(header("x-amzn-mtls-clientcert-subject", "CN=amelia@example.com"))),
			refuse("x-forwarded-user", none(header("x-forwarded-user", "amelia@example.com"))),
			refuse("x-forwarded-email and groups", none(header("x-forwarded-email", "amelia@example.com"), header("x-forwarded-groups", "atrip-admin"))),
			refuse("remote-user", none(header("remote-user", "amelia@example.com"))),
			refuse("a session cookie", none(header("cookie", "session=amelia"), set([]any{"session=amelia"}, "cookies"))),
			refuse("an API key", none(header("x-api-key", "example"))),
			refuse("an identity in the query", none(set("email=amelia@example.com", "rawQueryString"), set(map[string]any{"email": "amelia@example.com"}, "queryStringParameters"))),
			refuse("an identity in stage variables", none(set(map[string]any{"email": "amelia@example.com"}, "stageVariables"))),
			refuse("a function URL that lets everybody in", lambdatest.Event("function-url-iam", lambdatest.Remove("requestContext", "authorizer"))),
			refuse("an AppSync API key", lambdatest.Event("appsync-cognito", set(nil, "identity"))),
			refuse("AppSync request headers", lambdatest.Event("appsync-cognito", set(nil, "identity"), set(bearer(admin), "request", "headers", "authorization"))),
		},
		"the wrong door": {
			through("service", "a JWT event through service", lambdatest.Event("http-api-jwt")),
			through("service", "an IAM event through service", lambdatest.Event("http-api-iam")),
			through("service", "a Lambda authorizer's event through service", lambdatest.Event("http-api-lambda")),
			through("service", "a function URL's event through service", lambdatest.Event("function-url-iam")),
			through("service", "a Cognito event through service", lambdatest.Event("rest-api-cognito")),
			through("service", "a REST API's IAM event through service", lambdatest.Event("rest-api-iam")),
			through("service", "a load balancer's event through service", lambdatest.Event("load-balancer")),
			through("service", "a Cognito user's AppSync event through service", lambdatest.Event("appsync-cognito")),
			through("service", "an IAM AppSync event through service", lambdatest.Event("appsync-iam")),
			through("api", "a plain event through api", lambdatest.Event("plain")),
			through("api", "a Connect event through api", lambdatest.Event("connect")),
			{name: "an agent's tool call through api", event: lambdatest.Event("plain"), tool: "open_atrip", want: "NotPermitted"},
			through("canary", "a plain event through an alias that nobody knows", lambdatest.Event("plain")),
			through("canary", "an HTTP event through an alias that nobody knows", lambdatest.Event("http-api-jwt")),
			through("Service", "a plain event through an alias of another case", lambdatest.Event("plain")),
			through("api-v2", "an HTTP event through an alias with a like name", lambdatest.Event("http-api-jwt")),
			{name: "an HTTP event with a tool's client context", event: lambdatest.Event("http-api-iam"), door: "service", tool: "open_atrip", want: "NotPermitted"},
		},
		"claims that say too little or too much": {
			refuse("no name", lambdatest.Event("http-api-jwt", lambdatest.Remove(authorizer("jwt", "claims", "email")...))),
			refuse("a null name", lambdatest.Event("http-api-jwt", claim("email", nil))),
			refuse("an empty name", lambdatest.Event("http-api-jwt", claim("email", ""))),
			refuse("an array of names", lambdatest.Event("http-api-jwt", claim("email", []any{"amelia@example.com"}))),
			refuse("a printed array of names", lambdatest.Event("http-api-jwt", claim("email", "[amelia@example.com oskar@example.com]"))),
			refuse("an object for a name", lambdatest.Event("http-api-jwt", claim("email", map[string]any{"email": "amelia@example.com"}))),
			refuse("the name in a claim of another case", lambdatest.Event("http-api-jwt", lambdatest.Remove(authorizer("jwt", "claims", "email")...), claim("Email", "amelia@example.com"))),
			refuse("an address that nobody has verified", lambdatest.Event("http-api-jwt", claim("email_verified", "false"))),
			refuse("no subject", lambdatest.Event("http-api-jwt", lambdatest.Remove(authorizer("jwt", "claims", "sub")...))),
			refuse("null claims", lambdatest.Event("http-api-jwt", set(nil, authorizer("jwt", "claims")...))),
			refuse("claims as text", lambdatest.Event("http-api-jwt", set("email=amelia@example.com", authorizer("jwt", "claims")...))),
			refuse("no groups", lambdatest.Event("http-api-jwt", lambdatest.Remove(authorizer("jwt", "claims", "groups")...))),
			refuse("empty groups", lambdatest.Event("http-api-jwt", claim("groups", "[]"))),
			refuse("null groups", lambdatest.Event("http-api-jwt", claim("groups", nil))),
			refuse("groups as an object", lambdatest.Event("http-api-jwt", claim("groups", map[string]any{"atrip-customer-service": true}))),
			refuse("groups in another claim", lambdatest.Event("http-api-jwt", claim("groups", "[]"), claim("roles", "[atrip-customer-service]"))),
			refuse("groups in another case", lambdatest.Event("http-api-jwt", claim("groups", "[ATRIP-CUSTOMER-SERVICE]"))),
			refuse("one group whose name has a space", lambdatest.Event("http-api-jwt", claim("groups", "[x atrip-customer-service]"))),
			refuse("one group whose name has a comma", lambdatest.Event("http-api-jwt", claim("groups", "x,atrip-customer-service"))),
			refuse("one group that looks like JSON", lambdatest.Event("http-api-jwt", claim("groups", `["x","atrip-customer-service"]`))),
			refuse("a group with an invisible character", lambdatest.Event("http-api-jwt", claim("groups", "[atrip-customer-service\u200b]"))),
			refuse("a token of another's to tell groups apart", lambdatest.Event("http-api-jwt", claim("groups", "[x atrip-customer-service]"),
				header("authorization", bearer(`{"sub":"other","email":"amelia@example.com","groups":["x","atrip-customer-service"]}`)))),
			refuse("two tokens to tell groups apart", lambdatest.Event("http-api-jwt-groups", claim("groups", "[x atrip-customer-service]"), header("authorization", bearer(admin)+","+bearer(admin)))),
			refuse("two authorizers at once", lambdatest.Event("http-api-jwt", set(map[string]any{"userArn": rootARN, "accountId": "123456789012"}, authorizer("iam")...))),
			refuse("Cognito and IAM at once", lambdatest.Event("rest-api-cognito", set(rootARN, "requestContext", "identity", "userArn"))),
			refuse("a Lambda authorizer that names nobody", lambdatest.Event("rest-api-lambda", set("", authorizer("principalId")...))),
			refuse("an ARN that is null", lambdatest.Event("http-api-iam", set(nil, authorizer("iam", "userArn")...))),
			refuse("AppSync claims beside an ARN", lambdatest.Event("appsync-iam", set(map[string]any{"sub": "u", "email": "amelia@example.com"}, "identity", "claims"))),
		},
	}
}
