package diagnosis_test

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

const region = "eu-central-1"

// account stands in for AWS behind the SDK: the SDK checks the input of each call, and the answer is of the SDK's own types.
// A call that it does not expect fails the test.
type account struct {
	t *testing.T
	// answers are outputs and errors, by the operation or by the operation and the strings of its input.
	answers map[string]any
	metrics map[string]float64 // sums, by namespace, name and dimensions

	mu    sync.Mutex
	calls map[string]bool // by IAM action
}

func newAccount(t *testing.T) *account {
	return &account{t: t, answers: map[string]any{}, metrics: map[string]float64{}, calls: map[string]bool{}}
}

func (a *account) config() aws.Config {
	return aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("account", a.call), middleware.After)
		}},
	}
}

// call answers a call of the SDK before it becomes a request.
func (a *account) call(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (
	out middleware.InitializeOutput, _ middleware.Metadata, _ error,
) {
	a.mu.Lock()
	defer a.mu.Unlock()
	operation := middleware.GetOperationName(ctx)
	a.record(middleware.GetServiceID(ctx), operation)
	name := operation
	for field, value := range reflect.ValueOf(in.Parameters).Elem().Fields() {
		if !field.IsExported() {
			continue
		}
		if text, ok := value.Interface().(*string); ok && text != nil {
			name += " " + *text
		}
	}
	out.Result = cmp.Or(a.answers[operation], a.answers[name])
	if query, ok := in.Parameters.(*cloudwatch.GetMetricDataInput); ok && out.Result == nil {
		out.Result = a.sums(query)
	}
	if out.Result == nil {
		a.t.Errorf("the account has no answer to %q", name)
		out.Result = answer("NotFound")
	}
	err, _ := out.Result.(error)
	return out, middleware.Metadata{}, err
}

// answer is an error that AWS answers with.
func answer(code string) error { return &smithy.GenericAPIError{Code: code, Message: "example"} }

func (a *account) record(service, operation string) {
	if service == "ApiGatewayV2" {
		service, operation = "apigateway", "GET"
	}
	service = strings.ToLower(strings.ReplaceAll(service, " ", ""))
	if service == "cloudwatchlogs" {
		service = "logs"
	}
	if service != "sts" { // GetCallerIdentity needs no permission
		a.calls[service+":"+operation] = true
	}
}

// metricNames are the metrics of counted that are not the function's own.
var metricNames = map[string]string{
	"Errors":       "AWS/Lambda Errors FunctionName=broker-Function Resource=broker-Function:api",
	"Throttles":    "AWS/Lambda Throttles FunctionName=broker-Function",
	"Count":        "AWS/ApiGateway Count ApiId=api-id",
	"4xx":          "AWS/ApiGateway 4xx ApiId=api-id",
	"5xx":          "AWS/ApiGateway 5xx ApiId=api-id",
	"ProbeRun":     "AtripToken ProbeRun function=broker-ProbeFunction",
	"ProbeRefused": "AtripToken ProbeRefused function=broker-ProbeFunction",
}

// counted sets the sums of the last hour: a name and a value, in turn.
func (a *account) counted(sums string) {
	clear(a.metrics)
	for pair := range slices.Chunk(strings.Fields(sums), 2) {
		sum, err := strconv.ParseFloat(pair[1], 64)
		if err != nil {
			panic(err)
		}
		a.metrics[cmp.Or(metricNames[pair[0]], "AtripToken "+pair[0]+" function=broker-Function")] = sum
	}
}

func (a *account) sums(in *cloudwatch.GetMetricDataInput) *cloudwatch.GetMetricDataOutput {
	out := &cloudwatch.GetMetricDataOutput{}
	for _, query := range in.MetricDataQueries {
		metric := query.MetricStat.Metric
		name := *metric.Namespace + " " + *metric.MetricName
		for _, dimension := range metric.Dimensions {
			name += " " + *dimension.Name + "=" + *dimension.Value
		}
		result := cloudwatchtypes.MetricDataResult{Id: query.Id, Label: query.Label, StatusCode: cloudwatchtypes.StatusCodeComplete}
		if sum, ok := a.metrics[name]; ok && *query.MetricStat.Stat == "Sum" {
			result.Values = []float64{sum}
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	return out
}
