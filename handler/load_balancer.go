package handler

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// loadBalancer is an Application Load Balancer with the function as target
// (Elastic Load Balancing user guide, "Lambda functions as targets").
//
// The event vouches for the target group and for nobody behind it. The headers
// x-amzn-oidc-* in which a listener with an authenticate action describes the
// user are headers: without that action they pass through as a client sent
// them, and the event does not say which it was. So the principal is the load
// balancer, whom the default policy permits nothing.
var loadBalancer = &caller{
	name:    "load-balancer",
	door:    doorAPI,
	matches: func(e *event) bool { return e.RequestContext != nil && e.RequestContext.ELB != nil },
	read: func(e *event, _ claimNames) inbound {
		in := inbound{identity: nobody("the load balancer does not say which it is")}
		if group := e.RequestContext.ELB.TargetGroupARN; group != "" {
			in.identity = identity{Principal: policy.LoadBalancer(group)}
		}
		in.http = &httpRequest{
			method: e.HTTPMethod, path: e.Path,
			header: headerOf(e.Headers, e.MultiValueHeaders), body: e.Body, base64: e.IsBase64Encoded,
		}
		return in
	},
	succeed: func(e *event, reply atlas.Reply) ([]byte, error) {
		return targetResponse(e, 200, baseHeaders("application/json"), encodeReply(reply))
	},
	fail: func(e *event, f fault, requestID string) ([]byte, error) {
		status, h, body := problem(f, requestID)
		return targetResponse(e, status, h, body)
	},
}

// targetResponse is the reply that a load balancer turns into an HTTP response.
// A target group with multi-value headers sends them and wants them back.
func targetResponse(e *event, status int, h map[string]string, body []byte) ([]byte, error) {
	reply := struct {
		StatusCode        int                 `json:"statusCode"`
		StatusDescription string              `json:"statusDescription"`
		Headers           map[string]string   `json:"headers,omitempty"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
		Body              string              `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}{StatusCode: status, StatusDescription: strconv.Itoa(status) + " " + http.StatusText(status), Body: string(body)}
	if e.MultiValueHeaders == nil {
		reply.Headers = h
	} else {
		reply.MultiValueHeaders = make(map[string][]string, len(h))
		for name, value := range h {
			reply.MultiValueHeaders[name] = []string{value}
		}
	}
	return json.Marshal(reply, json.Deterministic(true))
}
