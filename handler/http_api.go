package handler

import (
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
)

// httpAPI is API Gateway's HTTP API, payload format 2.0 (API Gateway developer
// guide, "Create AWS Lambda proxy integrations for HTTP APIs"). A JWT, IAM or
// Lambda authorizer identifies the caller.
var httpAPI = &caller{
	name:    "http-api",
	door:    doorAPI,
	matches: func(s *shape) bool { return payload2(s) && !fromFunctionURL(s) },
	read:    readPayload2,
	succeed: proxySuccess,
	fail:    proxyFailure,
}

// functionURL is a Lambda function URL (Lambda developer guide, "Invoking Lambda
// function URLs"): payload format 2.0 without routes and stages. With auth type
// AWS_IAM the event contains the signer; with NONE it contains no identity.
var functionURL = &caller{
	name:    "function-url",
	door:    doorAPI,
	matches: func(s *shape) bool { return payload2(s) && fromFunctionURL(s) },
	read:    readPayload2,
	succeed: proxySuccess,
	fail:    proxyFailure,
}

func payload2(s *shape) bool {
	return s.Version == "2.0" && s.RequestContext != nil && s.RequestContext.HTTP != nil
}

// fromFunctionURL recognises a function URL's domain,
// URL-ID.lambda-url.REGION.on.aws. Only the audit line uses the distinction.
func fromFunctionURL(s *shape) bool {
	return strings.Contains(s.RequestContext.DomainName, ".lambda-url.")
}

func readPayload2(e *event, names claimNames) inbound {
	rc := &e.RequestContext
	h := headerOf(e.Headers, nil)
	in := inbound{gatewayID: rc.RequestID, identity: identity2(rc.Authorizer, h, names)}
	in.sourceIP, _ = netip.ParseAddr(rc.HTTP.SourceIP)
	in.http = &httpRequest{
		method: rc.HTTP.Method, path: e.RawPath, stage: rc.Stage,
		routed: e.RouteKey == "POST "+Path,
		header: h, body: e.Body, base64: e.IsBase64Encoded,
	}
	return in
}

func proxySuccess(_ *shape, reply atlas.Reply) ([]byte, error) {
	return proxyResponse(200, baseHeaders("application/json"), encodeReply(reply))
}

func proxyFailure(_ *shape, f fault, requestID string) ([]byte, error) {
	return proxyResponse(problem(f, requestID))
}

// proxyResponse encodes the HTTP response for API Gateway and function URLs.
// Without a statusCode they would answer 200 with the object as body.
func proxyResponse(status int, header map[string]string, body []byte) ([]byte, error) {
	return json.Marshal(map[string]any{
		"statusCode": status, "headers": header, "body": string(body), "isBase64Encoded": false,
	}, json.Deterministic(true))
}
