package handler

import (
	"net/netip"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// API Gateway's REST API with Lambda proxy integration, payload format 1.0 (API
// Gateway developer guide, "Lambda proxy integrations in API Gateway"), or an HTTP
// API with that format.

func isRESTAPI(s *shape) bool {
	return (s.Version == "" || s.Version == "1.0") && s.RequestContext != nil && s.RequestContext.Identity != nil
}

func readRESTAPI(e *event, names claimNames) inbound {
	rc := &e.RequestContext
	h := headerOf(e.Headers, e.MultiValueHeaders)
	in := inbound{gatewayID: rc.RequestID, identity: identity1(rc, h, names)}
	in.sourceIP, _ = netip.ParseAddr(rc.Identity.SourceIP)
	in.http = &httpRequest{
		method: e.HTTPMethod, path: e.Path, stage: rc.Stage,
		routed: e.Resource == Path,
		header: h, body: e.Body, base64: e.IsBase64Encoded,
	}
	return in
}

// identity1 reads the caller from payload 1.0: requestContext.authorizer has the
// claims of a Cognito (or, in an HTTP API, JWT) authorizer, or a Lambda
// authorizer's context with principalId; identity.userArn is the signer that IAM
// verified.
func identity1(rc *requestContext, h header, names claimNames) identity {
	a := objectOf(rc.Authorizer)
	token, lambda, iam := objectOf(a["claims"]), a["principalId"].Kind() == '"', rc.Identity.UserARN != ""
	switch {
	case !exactlyOne(token != nil, lambda, iam):
		return anonymous(errIdentityCount)
	case token != nil:
		return operatorOfToken(token, h, commas, names)
	case lambda:
		return operatorOfContext(a, names)
	default:
		return awsPrincipal(rc.Identity.UserARN, rc.Identity.AccountID)
	}
}

// objectOf returns an object's members, nil for any other value.
func objectOf(v jsontext.Value) (m map[string]jsontext.Value) {
	_ = json.Unmarshal(v, &m) // leaves m nil if v is not an object
	return m
}
