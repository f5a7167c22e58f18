// Command probe is a function that a schedule runs: it tries the broker's doors from outside and writes one line, whose
// metrics ring an alarm when a closed door let it in or the open one did not. Configuration: PROBE_URL,
// PROBE_SERVICE_ARN and, to ask for a link, PROBE_ORDER_NO, PROBE_USER_NAME, PROBE_ROLE (template.yaml sets them).
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"atriptoken/internal/probe"
)

// patience bounds one knock: longer than the broker may take for an answer, 25 s.
const patience = 27 * time.Second

func main() {
	p, err := configured(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "the probe cannot start:", err)
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context) error {
		return p.Run(ctx).Write(os.Stdout, os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), time.Now())
	})
}

func configured(ctx context.Context) (*probe.Probe, error) {
	url, arn := os.Getenv("PROBE_URL"), os.Getenv("PROBE_SERVICE_ARN")
	if url == "" || arn == "" {
		return nil, fmt.Errorf("PROBE_URL and PROBE_SERVICE_ARN must be set")
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration cannot be loaded: %w", err)
	}
	client := &http.Client{Timeout: patience}
	p := &probe.Probe{URL: url, Service: probe.Invoker{ARN: arn, Config: aws, HTTP: client}, HTTP: client}
	if order := os.Getenv("PROBE_ORDER_NO"); order != "" {
		p.Link = &probe.Link{OrderNo: order, UserName: os.Getenv("PROBE_USER_NAME"), Role: os.Getenv("PROBE_ROLE")}
	}
	return p, nil
}
