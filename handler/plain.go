package handler

import (
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// plain is a service that invokes the function with the request itself and
// waits for the answer: Step Functions, an SDK, the AWS CLI. It gets Atlas's
// answer, or a function error whose errorType is the code, so that a state
// machine's Retry and Catch can name it.
var plain = &caller{
	name:    "plain",
	door:    doorService,
	matches: func(e *event) bool { return e.tool == "" && isPlain(e) },
	read: func(e *event, _ claimNames) inbound {
		return inbound{identity: identity{Principal: policy.Service(doorService)}, body: e.raw}
	},
	succeed: func(_ *event, reply atlas.Reply) ([]byte, error) { return encodeReply(reply), nil },
	fail:    func(_ *event, f fault, requestID string) ([]byte, error) { return nil, functionError(f, requestID) },
}

func isPlain(e *event) bool {
	return len(e.OrderNo)+len(e.UserName)+len(e.Role) > 0
}

// functionError is a fault as Lambda reports it. It has to be returned as it
// is: aws-lambda-go looks for this very type, by value and unwrapped, and would
// otherwise report the Go type's name as the errorType.
func functionError(f fault, requestID string) error {
	return messages.InvokeResponse_Error{Type: string(f.code), Message: f.text(requestID)}
}

// text is a fault in one line, for callers that take no problem document.
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
