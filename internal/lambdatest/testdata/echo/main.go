// Command echo is the function that lambdatest's tests run.
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

func echo(ctx context.Context, event json.RawMessage) (any, error) {
	switch string(event) {
	case `"fail"`:
		return nil, messages.InvokeResponse_Error{Type: "NotToday", Message: "come back tomorrow"}
	case `"exit"`:
		fmt.Fprintln(os.Stderr, "asked to exit")
		os.Exit(7)
	}
	fmt.Println("served")
	lc, _ := lambdacontext.FromContext(ctx)
	return []any{event, lc, os.Environ()}, nil
}

func main() {
	if os.Getenv("REFUSE") != "" {
		fmt.Fprintln(os.Stderr, "refused to start")
		os.Exit(1)
	}
	lambda.Start(echo)
}
