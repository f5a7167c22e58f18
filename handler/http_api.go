package handler

import (
	"net/netip"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
)

// httpAPI is API Gateway's HTTP API, payload format 2.0 (API Gateway developer
// guide, "Create AWS Lambda proxy integrations for HTTP APIs"). A JWT, IAM or
// Lambda authorizer in front says who the caller is.
var httpAPI = &caller{
	name: "http-api",
	door: doorAPI,
	matches: func(e *event) bool {
		return e.Version == "2.0" && e.RequestContext != nil && e.RequestContext.HTTP != nil
	},
	read: func(e *event, names claimNames) inbound {
		rc := e.RequestContext
		in := inbound{gatewayID: rc.RequestID}
		in.principal, in.unidentified = rc.Authorizer.principal(names)
		in.sourceIP, _ = netip.ParseAddr(rc.HTTP.SourceIP)
		in.http = &httpRequest{
			method: rc.HTTP.Method, path: e.RawPath, stage: rc.Stage,
			routed: e.RouteKey == "POST "+Path,
			header: headerOf(e.Headers), body: e.Body, base64: e.IsBase64Encoded,
		}
		return in
	},
	succeed: func(reply atlas.Reply) ([]byte, error) {
		return proxyResponse(200, baseHeaders("application/json"), encodeReply(reply))
	},
	fail: func(f fault, requestID string) ([]byte, error) {
		status, headers, body := problem(f, requestID)
		return proxyResponse(status, headers, body)
	},
}

// proxyResponse is the reply that API Gateway and function URLs turn into an
// HTTP response. Without a statusCode they would answer 200 with the object.
func proxyResponse(status int, headers map[string]string, body []byte) ([]byte, error) {
	return json.Marshal(struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}{status, headers, string(body), false}, json.Deterministic(true))
}
