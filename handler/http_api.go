package handler

import (
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// API Gateway's HTTP API, payload format 2.0 (API Gateway developer guide, "Create
// AWS Lambda proxy integrations for HTTP APIs"), and Lambda function URLs (Lambda
// developer guide, "Invoking Lambda function URLs"): the same format without routes
// and stages. Only the audit line distinguishes the two.

func isHTTPAPI(s *shape) bool { return isPayload2(s) && !fromFunctionURL(s) }

func isFunctionURL(s *shape) bool { return isPayload2(s) && fromFunctionURL(s) }

func isPayload2(s *shape) bool {
	return s.Version == "2.0" && s.RequestContext != nil && s.RequestContext.HTTP != nil
}

// fromFunctionURL recognises a function URL's domain,
// URL-ID.lambda-url.REGION.on.aws.
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

// identity2 reads payload 2.0's requestContext.authorizer: only the member of the
// route's kind of authorizer is present. A function URL with auth type AWS_IAM has
// the signer, one with NONE has no authorizer.
func identity2(v jsontext.Value, h header, names claimNames) identity {
	var a struct {
		JWT *struct {
			Claims map[string]jsontext.Value `json:"claims"`
		} `json:"jwt"`
		IAM *struct {
			UserARN   string `json:"userArn"`
			AccountID string `json:"accountId"`
		} `json:"iam"`
		// Lambda is the context that a Lambda authorizer returned.
		Lambda map[string]jsontext.Value `json:"lambda"`
	}
	if json.Unmarshal(v, &a) != nil {
		return anonymous("the request passed no authorizer, or the authorizer's context has an unknown form")
	}
	switch {
	case !exactlyOne(a.JWT != nil, a.IAM != nil, a.Lambda != nil):
		return anonymous(errIdentityCount)
	case a.JWT != nil:
		return operatorOfToken(a.JWT.Claims, h, bracketed, names)
	case a.IAM != nil:
		return awsPrincipal(a.IAM.UserARN, a.IAM.AccountID)
	default:
		return operatorOfContext(a.Lambda, names)
	}
}

// gatewayResponse encodes the HTTP response for API Gateway and function URLs.
// Without a statusCode they would answer 200 with the object as body.
func gatewayResponse(_ *shape, o outcome) ([]byte, error) {
	status, header, body := o.http()
	return json.Marshal(map[string]any{
		"statusCode": status, "headers": header, "body": string(body), "isBase64Encoded": false,
	}, json.Deterministic(true))
}
