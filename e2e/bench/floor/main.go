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

func hello(context.Context, json.RawMessage) (response, error) {
	return response{StatusCode: 200, Body: "hello"}, nil
}

func main() { lambda.Start(hello) }
