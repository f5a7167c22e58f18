package handler

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"atriptoken/policy"
)

// readLoadBalancer reads the event of an Application Load Balancer with the function
// as target (Elastic Load Balancing user guide, "Lambda functions as targets").
//
// The event identifies only the target group. A listener with an authenticate
// action describes the user in x-amzn-oidc-* headers, but without that action
// the same headers come from the client, and the event does not show which it
// was. So the principal is the load balancer; the default policy permits it
// nothing.
func readLoadBalancer(e *event, _ claimNames) inbound {
	in := inbound{identity: anonymous("the load balancer event names no target group")}
	if group := e.RequestContext.ELB.TargetGroupARN; group != "" {
		in.identity = identity{Principal: policy.LoadBalancer(group)}
	}
	in.http = &httpRequest{
		method: e.HTTPMethod, path: e.Path,
		header: headerOf(e.Headers, e.MultiValueHeaders), body: e.Body, base64: e.IsBase64Encoded,
	}
	return in
}

// targetResponse encodes the HTTP response for a load balancer. A target group
// with multi-value headers expects them in the response too.
func targetResponse(s *shape, o outcome) ([]byte, error) {
	status, header, body := o.http()
	reply := struct {
		StatusCode        int                 `json:"statusCode"`
		StatusDescription string              `json:"statusDescription"`
		Headers           map[string]string   `json:"headers,omitempty"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}{StatusCode: status, StatusDescription: strconv.Itoa(status) + " " + http.StatusText(status), Body: string(body)}
	if !s.MultiValueHeaders {
		reply.Headers = header
	} else {
		reply.MultiValueHeaders = make(map[string][]string, len(header))
		for name, value := range header {
			reply.MultiValueHeaders[name] = []string{value}
		}
	}
	return json.Marshal(reply, json.Deterministic(true))
}
