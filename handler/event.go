package handler

import (
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// caller is one way in which the function is invoked. Each has a file of its
// own; callers lists them.
type caller struct {
	// name is what the audit line and the README call it.
	name string
	// door is the alias that takes it, doorAPI or doorService.
	door string
	// matches tells the caller by the event's shape.
	matches func(*event) bool
	// read takes from the event what the shape holds.
	read func(*event, claimNames) inbound
	// succeed and fail put an outcome into the form that the caller expects. An
	// error of fail is a function error, in its exact form.
	succeed func(atlas.Reply) ([]byte, error)
	fail    func(fault, string) ([]byte, error)
}

// callers are asked in this order; the first that matches is it.
var callers = []*caller{httpAPI, plain}

// knownShapes is told to those who send another.
const knownShapes = `an API Gateway HTTP API event (payload 2.0), or plain {"orderNo","userName","role"}`

// inbound is what an event says, before any of it is believed.
type inbound struct {
	principal policy.Principal
	// unidentified says why the principal is anonymous, for the audit line.
	unidentified string
	sourceIP     netip.Addr
	// gatewayID is the request's id at the gateway in front, "" without one.
	gatewayID string
	// http is the HTTP request; nil for plain invocations.
	http *httpRequest
	// body is the request's JSON when there is no HTTP request around it.
	body []byte
}

// event is the union of the shapes, as far as any caller reads them. Everything
// that a shape's owner may leave out or set to null is optional.
type event struct {
	raw []byte

	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  *requestContext   `json:"requestContext"`

	OrderNo  jsontext.Value `json:"orderNo"`
	UserName jsontext.Value `json:"userName"`
	Role     jsontext.Value `json:"role"`
}

type requestContext struct {
	RequestID  string `json:"requestId"`
	Stage      string `json:"stage"`
	DomainName string `json:"domainName"`
	HTTP       *struct {
		Method   string `json:"method"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
	Authorizer *authorizer `json:"authorizer"`
}

// parseEvent reads an event and tells its caller; nil when it has no shape that
// is known. Members that no caller reads are skipped; a member that stands
// twice, at any depth, or one of another type makes the shape unknown.
func parseEvent(payload []byte) (*event, *caller) {
	e := &event{raw: payload}
	if json.Unmarshal(payload, e) != nil {
		return nil, nil
	}
	for _, c := range callers {
		if c.matches(e) {
			return e, c
		}
	}
	return nil, nil
}

// The doors, told by the alias through which the function was invoked.
const (
	doorAPI         = "api"         // HTTP events
	doorService     = "service"     // plain events
	doorUnqualified = "unqualified" // both: local runs and administrators
	doorUnknown     = "unknown"     // none
)

// doorOf reads the door from the invoked function's ARN, which Lambda sets:
// arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]. A version number and
// $LATEST count as unqualified: only who may invoke the function itself, rather
// than one of its aliases, can name them.
func doorOf(functionARN string) string {
	parts := strings.Split(functionARN, ":")
	if len(parts) < 8 {
		return doorUnqualified
	}
	switch qualifier := parts[7]; {
	case qualifier == doorAPI || qualifier == doorService:
		return qualifier
	case qualifier == "$LATEST" || strings.Trim(qualifier, "0123456789") == "":
		return doorUnqualified
	}
	return doorUnknown
}
