package handler

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type caller struct {
	// name is its name in the audit line and the README.
	name string
	// door is the alias that accepts it: doorAPI if AWS identifies the caller in
	// the event, else doorService.
	door string
	// matches recognises the event's shape.
	matches func(*shape) bool
	// read reads an event of this shape.
	read func(*event, claimNames) inbound
	// answer encodes the outcome in the caller's form. Its error is a function
	// error, to be returned unchanged.
	answer func(*shape, outcome) ([]byte, error)
	// timeout bounds the invocation for a caller that waits less long than the
	// function may run. Zero means no bound.
	timeout time.Duration
}

// callers are all kinds. An event must match exactly one.
var callers = []*caller{
	{name: "http-api", door: doorAPI, matches: isHTTPAPI, read: readPayload2, answer: gatewayResponse},
	{name: "function-url", door: doorAPI, matches: isFunctionURL, read: readPayload2, answer: gatewayResponse},
	{name: "rest-api", door: doorAPI, matches: isRESTAPI, read: readRESTAPI, answer: gatewayResponse},
	{name: "load-balancer", door: doorAPI, read: readLoadBalancer, answer: targetResponse,
		matches: func(s *shape) bool { return s.RequestContext != nil && s.RequestContext.ELB != nil }},
	{name: "appsync", door: doorAPI, read: readAppSync, answer: functionResult,
		matches: func(s *shape) bool { return s.Info != nil }},
	{name: "connect", door: doorService, read: readConnect, answer: flatMap,
		matches: func(s *shape) bool { return s.Details != nil },
		timeout: 7 * time.Second}, // a flow waits at most 8 s
	{name: "agent", door: doorService, read: readPlain, answer: functionResult,
		matches: func(s *shape) bool { return isPlain(s) && s.tool != "" }},
	{name: "plain", door: doorService, read: readPlain, answer: functionResult,
		matches: func(s *shape) bool { return isPlain(s) && s.tool == "" }},
}

const knownShapes = `API Gateway (HTTP API and REST API), function URL, load balancer, AppSync resolver, Amazon Connect flow ` +
	`and plain {"orderNo","userName","role"}`

// maxEvent is the largest event in bytes that is parsed. Parsed claims can need
// a hundred times the event's size.
const maxEvent = 256 << 10

// shape is the part of an event that recognises its caller. Nothing else is read
// before the door is checked.
type shape struct {
	// tool is the tool that an agent's gateway calls, from the client context.
	tool string

	Version        string `json:"version"`
	RequestContext *struct {
		DomainName string    `json:"domainName"`
		HTTP       *struct{} `json:"http"`
		Identity   *struct{} `json:"identity"`
		ELB        *struct{} `json:"elb"`
	} `json:"requestContext"`
	MultiValueHeaders present   `json:"multiValueHeaders"`
	Info              *struct{} `json:"info"`     // AppSync
	Details           *struct{} `json:"Details"`  // Amazon Connect
	OrderNo           present   `json:"orderNo"`  // plain
	UserName          present   `json:"userName"` // plain
	Role              present   `json:"role"`     // plain
}

// present is whether a member exists and is not null.
type present bool

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (p *present) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*p = dec.PeekKind() != 'n'
	return dec.SkipValue()
}

// recognise reads an event's shape and returns its caller, or a fault if it matches
// no caller or several.
func recognise(payload []byte, s *shape) (c *caller, f *fault) {
	large := len(payload) > maxEvent // to be refused by parseEvent; the check of names would need memory for each
	if err := json.Unmarshal(payload, s, jsontext.AllowDuplicateNames(large), jsontext.AllowInvalidUTF8(large)); err != nil {
		return nil, &fault{code: InvalidRequest, detail: decodeFault(err)}
	}
	for _, known := range callers {
		switch {
		case !known.matches(s):
		case c != nil:
			return nil, &fault{code: InvalidRequest, detail: "The event has the shapes of two callers at once."}
		default:
			c = known
		}
	}
	if c == nil {
		return nil, &fault{code: InvalidRequest, detail: "The event has no known shape. Known are " + knownShapes + "."}
	}
	return c, nil
}

func decodeFault(err error) string {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return "The event is not strict JSON (RFC 8259, UTF-8, no member twice)."
	}
	return "The event has no known shape: a member has another type than in any of " + knownShapes + "."
}

// inbound is what an event contains.
type inbound struct {
	identity identity
	sourceIP netip.Addr
	// gatewayID is the request's id at the gateway, "" without one.
	gatewayID string
	// http is the HTTP request, nil for other callers.
	http *httpRequest
	// body is the request's JSON if there is no HTTP request around it.
	body []byte
}

// content returns the request's JSON after the checks of its type and size.
func (in inbound) content() (body []byte, f *fault) {
	if body = in.body; in.http != nil {
		body, f = in.http.content()
	}
	if len(body) > maxBody {
		return nil, &fault{code: BodyTooLarge, detail: "The body may have at most 16 KiB."}
	}
	return body, f
}

// event is the union of the shapes, as far as a caller reads them. Members that
// may be absent or null are optional.
type event struct {
	raw  []byte
	door string

	// API Gateway, function URLs and load balancers.
	RouteKey          string              `json:"routeKey"`
	RawPath           string              `json:"rawPath"`
	Resource          string              `json:"resource"`
	Path              string              `json:"path"`
	HTTPMethod        string              `json:"httpMethod"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    requestContext      `json:"requestContext"`

	// AppSync.
	Arguments jsontext.Value `json:"arguments"`
	Identity  jsontext.Value `json:"identity"`

	// Amazon Connect.
	Details struct {
		Parameters jsontext.Value `json:"Parameters"`
	} `json:"Details"`
}

type requestContext struct {
	RequestID string `json:"requestId"`
	Stage     string `json:"stage"`
	HTTP      struct {
		Method   string `json:"method"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
	Identity struct {
		SourceIP  string `json:"sourceIp"`
		UserARN   string `json:"userArn"`
		AccountID string `json:"accountId"`
	} `json:"identity"`
	ELB struct {
		TargetGroupARN string `json:"targetGroupArn"`
	} `json:"elb"`
	Authorizer jsontext.Value `json:"authorizer"`
}

// parseEvent parses an event of at most maxEvent bytes. It skips members that no
// caller reads, and rejects duplicate members at any depth and members of other
// types.
func parseEvent(payload []byte, door string) (*event, *fault) {
	if len(payload) > maxEvent {
		return nil, &fault{code: BodyTooLarge, detail: "The event may have at most 256 KiB, and the request 16 KiB."}
	}
	e := &event{raw: payload, door: door}
	if err := json.Unmarshal(payload, e); err != nil {
		return nil, &fault{code: InvalidRequest, detail: decodeFault(err)}
	}
	return e, nil
}

// toolName returns the tool that Bedrock AgentCore Gateway names in the client
// context (AgentCore developer guide, "Lambda function input format"), else "".
func toolName(lc *lambdacontext.LambdaContext) string {
	for name, value := range lc.ClientContext.Custom {
		if strings.EqualFold(name, "bedrockAgentCoreToolName") {
			return value
		}
	}
	return ""
}
