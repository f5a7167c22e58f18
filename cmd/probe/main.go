// Command probe is a scheduled function. It sends forged requests to the broker and writes one log line, whose metrics
// raise an alarm when one of them was let in, or when the valid request got no link. Configuration: PROBE_URL,
// PROBE_SERVICE_ARN and, to request a link, PROBE_ORDER_NO, PROBE_USER_NAME, PROBE_ROLE (template.yaml sets them).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"atriptoken/internal/probe"
)

// timeout bounds one request: longer than the broker may take for an answer, 25 s.
const timeout = 27 * time.Second

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
	p := &probe.Probe{URL: url, ServiceARN: arn, AWS: aws, HTTP: http.Client{Timeout: timeout}}
	if order := os.Getenv("PROBE_ORDER_NO"); order != "" {
		link, err := json.Marshal(map[string]string{
			"orderNo": order, "userName": os.Getenv("PROBE_USER_NAME"), "role": os.Getenv("PROBE_ROLE")})
		if err != nil {
			return nil, fmt.Errorf("the request for a link cannot be encoded: %w", err)
		}
		p.Link = string(link)
	}
	return p, nil
}
