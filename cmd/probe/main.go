// Command probe is a function that sends forged and valid requests to the broker and writes one log line, whose metrics
// raise an alarm when a forged one was let in, or a valid one was not.
//
// On a schedule it probes the API and the alias for services: PROBE_URL, PROBE_SERVICE_ARN. As CodeDeploy's hook it probes a
// version before its first request, and reports the result to CodeDeploy: PROBE_VERSION_ARN. Optional are PROBE_OPERATOR (how
// to go through the API, see probe.Probe) and, to request a link, PROBE_ORDER_NO, PROBE_USER_NAME and PROBE_ROLE.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

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
	lambda.Start(func(ctx context.Context, event hook) error { return run(ctx, p, event, os.Stdout) })
}

// hook is CodeDeploy's event; an event of the schedule has neither member (CodeDeploy user guide, "AppSpec 'hooks' section").
type hook struct{ DeploymentID, LifecycleEventHookExecutionID string }

func run(ctx context.Context, p *probe.Probe, event hook, log io.Writer) error {
	report := p.Run(ctx)
	err := report.Write(log, os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), time.Now())
	if event.DeploymentID == "" {
		return err
	}
	status := types.LifecycleEventStatusFailed
	if report.Passed() {
		status = types.LifecycleEventStatusSucceeded
	}
	_, putErr := codedeploy.NewFromConfig(p.AWS).PutLifecycleEventHookExecutionStatus(ctx,
		&codedeploy.PutLifecycleEventHookExecutionStatusInput{
			DeploymentId: &event.DeploymentID, LifecycleEventHookExecutionId: &event.LifecycleEventHookExecutionID, Status: status})
	return errors.Join(err, putErr)
}

func configured(ctx context.Context) (*probe.Probe, error) {
	url, version := os.Getenv("PROBE_URL"), os.Getenv("PROBE_VERSION_ARN")
	function := cmp.Or(version, os.Getenv("PROBE_SERVICE_ARN"))
	if function == "" || url == "" && version == "" {
		return nil, errors.New("PROBE_URL and PROBE_SERVICE_ARN must be set, or PROBE_VERSION_ARN")
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration cannot be loaded: %w", err)
	}
	p := &probe.Probe{URL: url, FunctionARN: function, AWS: aws, HTTP: http.Client{Timeout: timeout}, Operator: os.Getenv("PROBE_OPERATOR")}
	if order := os.Getenv("PROBE_ORDER_NO"); order != "" {
		link, _ := json.Marshal(map[string]string{ // texts always encode
			"orderNo": order, "userName": os.Getenv("PROBE_USER_NAME"), "role": os.Getenv("PROBE_ROLE")})
		p.Link = string(link)
	}
	return p, nil
}
