// Package runtimeapi answers invocations from Lambda's Runtime API (Lambda developer
// guide, "Using the Lambda runtime API for custom runtimes").
//
// aws-lambda-go's loop does not call the handler if a client context is not an
// object: the caller gets an undocumented errorType, and there is no audit line. It
// also writes lines that are not JSON, and cannot end after the last response.
package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"golang.org/x/sync/errgroup"
)

// Handler answers invocations. An error must be a messages.InvokeResponse_Error.
type Handler interface {
	// Invoke answers an event.
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
	// Refuse answers an invocation whose event cannot be read.
	Refuse(ctx context.Context, detail string) ([]byte, error)
}

// Serve answers invocations, as many at once as concurrency says, until ctx ends or
// the Runtime API at the address api fails. Invocations in flight are answered first.
func Serve(ctx context.Context, api string, concurrency int, h Handler) error {
	loop := &loop{
		url:     "http://" + api + "/2018-06-01/runtime/invocation/",
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}},
		handler: h,
		traced:  concurrency == 1,
	}
	group, ctx := errgroup.WithContext(ctx)
	for range concurrency {
		group.Go(func() error {
			for {
				if err := loop.answerNext(ctx); err != nil && ctx.Err() != nil {
					return nil // it ended while waiting for the next invocation
				} else if err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

type loop struct {
	url     string
	client  *http.Client
	handler Handler
	// traced: with one invocation at a time, its trace id is in the environment,
	// where the AWS SDK reads it.
	traced bool
}

// answerNext waits for an invocation, which ctx may end, and answers it.
func (l *loop) answerNext(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"next", nil)
	if err != nil {
		return fmt.Errorf("the Runtime API's address is not valid: %w", err)
	}
	header, payload, err := l.do(request, http.StatusOK)
	if err != nil {
		return fmt.Errorf("no invocation from the Runtime API: %w", err)
	}
	out, err := l.invoke(header, payload)
	target, kind := "/response", ""
	if err != nil {
		target = "/error"
		kind, out = functionError(err)
	}
	// Not bound to ctx: the answer is sent even after SIGTERM.
	request, err = http.NewRequest(http.MethodPost, l.url+header.Get("Lambda-Runtime-Aws-Request-Id")+target, bytes.NewReader(out))
	if err != nil {
		return fmt.Errorf("the invocation's id is not valid: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if kind != "" {
		request.Header.Set("Lambda-Runtime-Function-Error-Type", kind)
	}
	if _, _, err := l.do(request, http.StatusAccepted); err != nil {
		return fmt.Errorf("the Runtime API did not accept an answer: %w", err)
	}
	return nil
}

func (l *loop) do(request *http.Request, status int) (header http.Header, body []byte, err error) {
	reply, err := l.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = reply.Body.Close() }()
	if reply.StatusCode != status {
		return nil, nil, fmt.Errorf("HTTP %d", reply.StatusCode)
	}
	body, err = io.ReadAll(reply.Body)
	return reply.Header, body, err
}

// invoke calls the handler with the invocation's context.
func (l *loop) invoke(header http.Header, payload []byte) ([]byte, error) {
	lc := &lambdacontext.LambdaContext{
		AwsRequestID:       header.Get("Lambda-Runtime-Aws-Request-Id"),
		InvokedFunctionArn: header.Get("Lambda-Runtime-Invoked-Function-Arn"),
	}
	ctx := lambdacontext.NewContext(context.Background(), lc)
	if ms, err := strconv.ParseInt(header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64); err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, time.UnixMilli(ms))
		defer cancel()
	}
	if l.traced {
		_ = os.Setenv("_X_AMZN_TRACE_ID", header.Get("Lambda-Runtime-Trace-Id")) // fails only for a NUL
	}
	if text := header.Get("Lambda-Runtime-Client-Context"); text != "" && json.Unmarshal([]byte(text), &lc.ClientContext) != nil {
		return l.handler.Refuse(ctx, "The client context is not an object with the members that Lambda documents.")
	}
	return l.handler.Invoke(ctx, payload)
}

// functionError returns a function error's type and document.
func functionError(err error) (kind string, document []byte) {
	e, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint // the contract of Handler
	if !ok {
		e = messages.InvokeResponse_Error{Type: "Internal", Message: fmt.Sprintf("an error of type %T", err)}
	}
	document, _ = json.Marshal(map[string]string{"errorType": e.Type, "errorMessage": e.Message}) // strings never fail
	return e.Type, document
}
