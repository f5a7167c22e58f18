package handler

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/atlas"
)

// caller is one way in which the function is invoked. Each has a file of its
// own; callers lists them.
type caller struct {
	// name is what the audit line and the README call it.
	name string
	// door is the alias that takes it: doorAPI when AWS says in the event who
	// the caller is, doorService when it does not.
	door string
	// within bounds the whole invocation, where the caller waits less long
	// than the function may run. Zero means that it does not.
	within time.Duration
	// matches tells the caller by the event's shape.
	matches func(*event) bool
	// read takes from the event what the shape holds.
	read func(*event, claimNames) inbound
	// succeed and fail put an outcome into the form that the caller expects. An
	// error of fail is a function error, in its exact form.
	succeed func(*event, atlas.Reply) ([]byte, error)
	fail    func(*event, fault, string) ([]byte, error)
}

// callers are the known shapes. An event has to have exactly one of them.
var callers = []*caller{httpAPI, functionURL, restAPI, loadBalancer, appSync, connect, agent, plain}

// knownShapes is told to those who send another.
const knownShapes = `API Gateway (HTTP API and REST API), function URL, load balancer, AppSync resolver, Amazon Connect flow ` +
	`and plain {"orderNo","userName","role"}`

// inbound is what an event says, before any of it is believed.
type inbound struct {
	identity identity
	sourceIP netip.Addr
	// gatewayID is the request's id at the gateway in front, "" without one.
	gatewayID string
	// http is the HTTP request; nil for the callers that are none.
	http *httpRequest
	// body is the request's JSON when there is no HTTP request around it.
	body []byte
}

// event is the union of the shapes, as far as any caller reads them. Everything
// that a shape's owner may leave out or set to null is optional.
type event struct {
	raw []byte
	// tool is the name of the tool that an agent's gateway calls, from the
	// invocation's client context.
	tool string

	// API Gateway, function URLs and load balancers.
	Version           string              `json:"version"`
	RouteKey          string              `json:"routeKey"`
	RawPath           string              `json:"rawPath"`
	Resource          string              `json:"resource"`
	Path              string              `json:"path"`
	HTTPMethod        string              `json:"httpMethod"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    *requestContext     `json:"requestContext"`

	// AppSync.
	Arguments jsontext.Value `json:"arguments"`
	Identity  jsontext.Value `json:"identity"`
	Info      *struct{}      `json:"info"`

	// Amazon Connect.
	Details *struct {
		Parameters jsontext.Value `json:"Parameters"`
	} `json:"Details"`

	// Plain.
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
	Identity *struct {
		SourceIP  string `json:"sourceIp"`
		UserARN   string `json:"userArn"`
		AccountID string `json:"accountId"`
	} `json:"identity"`
	ELB *struct {
		TargetGroupARN string `json:"targetGroupArn"`
	} `json:"elb"`
	Authorizer jsontext.Value `json:"authorizer"`
}

// parseEvent reads an event and tells its caller; nil when it has no shape that
// is known, or more than one, and detail then says what is wrong. Members that
// no caller reads are skipped; a member that stands twice, at any depth, or one
// of another type makes the shape unknown.
func parseEvent(payload []byte, tool string) (e *event, c *caller, detail string) {
	e = &event{raw: payload, tool: tool}
	if err := json.Unmarshal(payload, e); err != nil {
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			return e, nil, "The event is not strict JSON (RFC 8259, UTF-8, no member twice)."
		}
		return e, nil, "The event has no known shape: a member has another type than in any of " + knownShapes + "."
	}
	for _, known := range callers {
		switch {
		case !known.matches(e):
		case c != nil:
			return e, nil, "The event has the shapes of two callers at once."
		default:
			c = known
		}
	}
	if c == nil {
		return e, nil, "The event has no known shape. Known are " + knownShapes + "."
	}
	return e, c, ""
}

// toolName is the tool that Bedrock AgentCore Gateway says it calls, by the
// invocation's client context (AgentCore developer guide, "Lambda function
// input format"); "" when the caller is no such gateway.
func toolName(ctx context.Context) string {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ""
	}
	for name, value := range lc.ClientContext.Custom {
		if strings.EqualFold(name, "bedrockAgentCoreToolName") {
			return value
		}
	}
	return ""
}
