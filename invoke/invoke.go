// Package invoke is a client for Go services that ask the broker by invoking its
// function, through the alias `service`. They need lambda:InvokeFunction on that
// alias and nothing else: no HTTP, no token, no Atlas secret.
//
//	client := &invoke.Client{Lambda: lambda.NewFromConfig(cfg), Function: "atrip-token:service"}
//	link, err := client.GetAtripToken(ctx, invoke.Request{OrderNo: order, UserName: "amelia@example.com", Role: "Customer service"})
//	switch {
//	case errors.Is(err, invoke.NotPermitted):
//		…
//	}
package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"atriptoken/redact"
)

// Client asks one broker. Both fields are required; it is safe for use by
// several goroutines.
type Client struct {
	// Lambda is the SDK's client. It retries throttling by itself.
	Lambda *lambda.Client
	// Function is the function's name or ARN with its alias, such as
	// atrip-token:service (the stack's output ServiceAliasArn).
	Function string
}

// Request is what a link is asked for.
type Request struct {
	// OrderNo is the Atlas order number, 1 to 64 characters.
	OrderNo string `json:"orderNo"`
	// UserName is the name by which Atlas knows the operator, 1 to 128 characters.
	UserName string `json:"userName"`
	// Role is one of the roles that the broker is configured with.
	Role string `json:"role"`
}

// Link is Atlas's answer.
type Link struct {
	// URL signs its bearer in, once. Reveal it where it is handed to the
	// operator's browser, and nowhere else.
	URL redact.String
	// Msg is a text of Atlas's that means nothing; nil when there was none.
	Msg *string
}

// ErrMalformed is an answer that is not the broker's: Function names another
// function.
var ErrMalformed = errors.New("invoke: the answer is not the broker's")

// GetAtripToken asks for a link. A failure that the broker names is an *Error,
// which errors.Is compares with the Codes; other failures are the SDK's.
func (c *Client) GetAtripToken(ctx context.Context, r Request) (Link, error) {
	payload, err := json.Marshal(r)
	if err != nil {
		return Link{}, fmt.Errorf("invoke: %w", err)
	}
	out, err := c.Lambda.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(c.Function),
		// Asynchronously there would be nobody to give the url to.
		InvocationType: types.InvocationTypeRequestResponse,
		Payload:        payload,
	})
	if err != nil {
		return Link{}, fmt.Errorf("invoke %s: %w", c.Function, err)
	}
	if out.FunctionError != nil {
		return Link{}, functionError(out.Payload)
	}
	var reply struct {
		URL    string  `json:"url"`
		Status *int    `json:"status"`
		Msg    *string `json:"msg"`
	}
	// The payload may hold the url: no part of it goes into an error.
	if json.Unmarshal(out.Payload, &reply) != nil || reply.URL == "" || reply.Status == nil {
		return Link{}, ErrMalformed
	}
	return Link{URL: redact.New(reply.URL), Msg: reply.Msg}, nil
}

// functionError reads what Lambda reports of a function that failed (Lambda
// developer guide, "Function errors").
func functionError(payload []byte) error {
	var e struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &e) != nil || e.Message == "" {
		return ErrMalformed
	}
	return &Error{Code: Code(e.Type), Message: e.Message}
}
