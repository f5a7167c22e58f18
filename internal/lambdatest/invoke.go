package lambdatest

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// InvokeOptions say how to invoke. The zero value, or nil in its place, works.
type InvokeOptions struct {
	// FunctionARN is the ARN under which the function is invoked, with the
	// alias as its last part. Empty means DefaultFunctionARN, without alias.
	FunctionARN string
	// Timeout is the function's: the deadline that it is told is so far away.
	// Zero means 25 seconds.
	Timeout time.Duration
	// ClientContext is the invoker's client context, a JSON object; "" for none.
	ClientContext string
	// RequestID is the invocation's id. Empty means a fresh one.
	RequestID string
	// TraceID is the X-Ray trace header; "" for none.
	TraceID string
}

// DefaultFunctionARN is the example function's ARN, without a qualifier.
const DefaultFunctionARN = "arn:aws:lambda:eu-west-1:123456789012:function:atriptoken"

const defaultTimeout = 25 * time.Second

// Reply is what the function answered.
type Reply struct {
	// Payload is the answer's JSON, or the error document of a function error.
	Payload []byte
	// ErrorType and ErrorMessage are set for a function error, from its document.
	ErrorType, ErrorMessage string
	// RequestID is the invocation's id.
	RequestID string
}

// Failed reports whether the function answered with a function error.
func (r Reply) Failed() bool { return r.ErrorType != "" }

// Invoke invokes the function with the event and waits for its answer, a
// function error among them. The error is ErrExited when the process ends
// without an answer, or ctx's.
func (f *Function) Invoke(ctx context.Context, event []byte, o *InvokeOptions) (Reply, error) {
	var options InvokeOptions
	if o != nil {
		options = *o
	}
	if options.FunctionARN == "" {
		options.FunctionARN = DefaultFunctionARN
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	i := f.api.newInvocation(event, options)
	select {
	case f.api.queue <- i:
	case <-f.exited:
		return Reply{}, f.ended()
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("lambdatest: the function did not take the invocation: %w", ctx.Err())
	}
	select {
	case reply := <-i.done:
		return reply, nil
	case <-f.exited:
		// It may have answered just before it ended.
		select {
		case reply := <-i.done:
			return reply, nil
		default:
			return Reply{}, f.ended()
		}
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("lambdatest: the function did not answer: %w", ctx.Err())
	}
}

// failure reads the document of a function error. A document that is none is
// still a failure.
func failure(document []byte, header string) Reply {
	var e struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(document, &e); err != nil || e.Type == "" {
		e.Type = header
	}
	if e.Type == "" {
		e.Type = "Unknown"
	}
	return Reply{Payload: document, ErrorType: e.Type, ErrorMessage: e.Message}
}
