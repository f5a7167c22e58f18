package handler

import (
	"github.com/aws/aws-lambda-go/lambda/messages"

	"atriptoken/policy"
)

// A plain event is the request itself, from a service that waits for the answer:
// Step Functions, an SDK, the AWS CLI. An agent's tool call through Bedrock AgentCore
// Gateway is the same with the tool's name in the client context (AgentCore developer
// guide, "AWS Lambda function targets"; docs/tool.json is the tool's schema). The
// gateway does not name the user, so that the principal is the service too.

func isPlain(s *shape) bool { return bool(s.OrderNo || s.UserName || s.Role) }

func readPlain(e *event, _ claimNames) inbound {
	return inbound{identity: identity{Principal: policy.Service(e.door)}, body: e.raw}
}

// functionResult returns Atlas's reply, or a function error whose errorType is the
// code, for a state machine's Retry and Catch. It must be returned by value and
// unwrapped: otherwise aws-lambda-go reports the Go type's name as the errorType.
func functionResult(_ *shape, o outcome) ([]byte, error) {
	if o.fault != nil {
		return nil, messages.InvokeResponse_Error{Type: string(o.fault.code), Message: o.text()}
	}
	return o.token(), nil
}
