package handler

import (
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// plain is a service that invokes the function with the request itself and waits
// for the answer: Step Functions, an SDK, the AWS CLI. A failure is a function
// error whose errorType is the code, for a state machine's Retry and Catch.
var plain = &caller{
	name:    "plain",
	door:    doorService,
	matches: func(s *shape) bool { return s.tool == "" && isPlain(s) },
	read: func(e *event, _ claimNames) inbound {
		return inbound{identity: identity{Principal: policy.Service(e.door)}, body: e.raw}
	},
	succeed: func(_ *shape, reply atlas.Reply) ([]byte, error) { return encodeReply(reply), nil },
	fail:    func(_ *shape, f fault, requestID string) ([]byte, error) { return nil, functionError(f, requestID) },
}

// agent is an agent's tool call through Bedrock AgentCore Gateway: the arguments
// as a plain request, the tool's name in the client context (AgentCore developer
// guide, "AWS Lambda function targets"). docs/tool.json is the tool's schema. The
// gateway does not name the user, so the principal is the service.
var agent = &caller{
	name:    "agent",
	door:    doorService,
	matches: func(s *shape) bool { return s.tool != "" && isPlain(s) },
	read:    plain.read,
	succeed: plain.succeed,
	fail:    plain.fail,
}

func isPlain(s *shape) bool { return bool(s.OrderNo || s.UserName || s.Role) }

// functionError returns a fault as Lambda reports it. It must be returned by
// value and unwrapped: otherwise aws-lambda-go reports the Go type's name as the
// errorType.
func functionError(f fault, requestID string) error {
	return messages.InvokeResponse_Error{Type: string(f.code), Message: f.text(requestID)}
}

// text returns a fault in one line, for callers other than HTTP.
func (f fault) text(requestID string) string {
	var text strings.Builder
	text.WriteString(codes[f.code].title + ": " + f.detail)
	for _, field := range f.fields {
		name := field.Pointer
		if name == "" {
			name = "the request"
		}
		text.WriteString(" " + name + " " + field.Detail + ".")
	}
	if f.retryAfter > 0 {
		text.WriteString(" Try again in " + seconds(f.retryAfter) + " s.")
	}
	text.WriteString(" (request " + requestID + ")")
	return text.String()
}
