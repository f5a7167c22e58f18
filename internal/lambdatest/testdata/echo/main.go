// Command echo is the function that lambdatest's own tests run.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type echo struct{}

// Invoke answers with the event and what the Runtime API said about it.
func (echo) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	switch string(event) {
	case `"fail"`:
		return nil, messages.InvokeResponse_Error{Type: "NotToday", Message: "come back tomorrow"}
	case `"exit"`:
		fmt.Fprintln(os.Stderr, "asked to exit")
		os.Exit(7)
	}
	fmt.Println("served")
	lc, _ := lambdacontext.FromContext(ctx)
	return json.Marshal(map[string]any{
		"event": json.RawMessage(event), "arn": lc.InvokedFunctionArn, "id": lc.AwsRequestID,
		"greeting": os.Getenv("GREETING"), "tool": lc.ClientContext.Custom["tool"], "inherited": os.Getenv("HOME"),
	})
}

func main() {
	if os.Getenv("REFUSE") != "" {
		fmt.Fprintln(os.Stderr, "refused to start")
		os.Exit(1)
	}
	lambda.StartWithOptions(echo{})
}
