// Command floor is the least that a Lambda function in Go can be: aws-lambda-go
// and a fixed answer. What it takes, no function on that library goes below.
package main

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

type response struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

func main() {
	lambda.Start(func(context.Context, json.RawMessage) (response, error) { return response{200, "hello"}, nil })
}
