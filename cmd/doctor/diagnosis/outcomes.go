package diagnosis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"atriptoken/handler"
	"atriptoken/internal/probe"
)

// recent is how far back outcomes are counted.
const recent = time.Hour

// ownRequests is how many requests to the API the last hour's runs of doctor may have made: each makes up to nine.
const ownRequests = 50

// failures are the metrics that point at a fault, with the fix. The first two are Lambda's own.
var failures = []struct{ metric, fix string }{
	{"Errors", "docs/runbook.md, ErrorsAlarm"},
	{"Throttles", "docs/runbook.md, ThrottlesAlarm"},
	{string(handler.SecretUnavailable), "see the check secret, then docs/runbook.md"},
	{string(handler.AtlasRefused), "put the right Atlas credentials in (make secret)"},
	{string(handler.AtlasUnavailable), "see docs/runbook.md: Atlas cannot be reached from the function"},
	{"SecretFallback", "Atlas refuses the newest secret and the one before is in use: put the right one in (make secret)"},
	{"InternalErrors", "look at the function's log for level ERROR"},
}

// recentOutcomes judges the last hour by the metrics of API Gateway, Lambda and the function.
func recentOutcomes(ctx context.Context, s *subject) Result {
	n, err := s.count(ctx)
	if err != nil {
		return unread(err)
	}
	for _, f := range failures {
		if n[f.metric] > 0 {
			return fail("%d of %d requests of the last hour counted as %s", n[f.metric], n["Requests"], f.metric).fix("%s", f.fix)
		}
	}
	probes, links := s.stack.probed(n["ProbeRun"])
	asked, reached, answered := max(n["Count"]-n["ProbeRefused"]-ownRequests, n["5xx"]), n["Requests"]-probes, n["Succeeded"]-links
	switch {
	case asked <= 0 && reached <= 0:
		return skip("there was no request in the last hour, apart from those of the probe and of doctor")
	case answered > 0:
		return pass("%d requests in the last hour, %d of them got a link", n["Requests"], n["Succeeded"])
	case reached <= 0:
		return fail("API Gateway passed none of %d requests of the last hour on: it answered %d with 4xx and %d with 5xx",
			n["Count"], n["4xx"], n["5xx"]).
			fix("the checks authorizer, issuer, throttling, routes and function-access; then error and authorizerError in the access log")
	}
	return fail("none of the %d requests of the last hour got a link", max(asked, reached)).
		fix("look at the outcomes in the function's log: docs/runbook.md has an entry for each")
}

// probed returns how many requests to the function and links were those of the probe's runs. One more run may be under way.
func (s *stack) probed(runs int) (requests, links int) {
	if runs == 0 {
		return 0, 0
	}
	requests = probe.ForgedEvents
	if !s.usesJWT() || s.parameters["ProbeClientSecretArn"] != "" {
		requests++
	}
	if s.parameters["ProbeOrderNo"] != "" {
		requests, links = requests+1, runs
	}
	return requests * (runs + 1), links
}

// count returns the sums of the metrics over the last hour.
func (s *subject) count(ctx context.Context) (map[string]int, error) {
	var queries []types.MetricDataQuery
	add := func(namespace, metric string, dimensions ...string) {
		stat := &types.MetricStat{
			Metric: &types.Metric{Namespace: &namespace, MetricName: &metric},
			Period: aws.Int32(int32(recent.Seconds())), Stat: aws.String("Sum"),
		}
		for pair := range slices.Chunk(dimensions, 2) {
			stat.Metric.Dimensions = append(stat.Metric.Dimensions, types.Dimension{Name: &pair[0], Value: &pair[1]})
		}
		queries = append(queries, types.MetricDataQuery{Id: aws.String(fmt.Sprintf("m%d", len(queries))), Label: &metric, MetricStat: stat})
	}
	function := s.stack.function()
	// Errors of the alias api only: through service, a refused request is a function error as well.
	add("AWS/Lambda", "Errors", "FunctionName", function, "Resource", function+":"+aliasAPI)
	add("AWS/Lambda", "Throttles", "FunctionName", function)
	for _, metric := range []string{"Requests", "Succeeded"} {
		add(handler.Namespace, metric, "function", function)
	}
	for _, f := range failures[2:] {
		add(handler.Namespace, f.metric, "function", function)
	}
	if prober := s.stack.ids["ProbeFunction"]; prober != "" {
		add(handler.Namespace, "ProbeRun", "function", prober)
		add(handler.Namespace, "ProbeRefused", "function", prober)
	}
	if api := s.stack.api(); api != "" {
		for _, metric := range []string{"Count", "4xx", "5xx"} { // API Gateway developer guide, "Monitor CloudWatch metrics for HTTP APIs"
			add("AWS/ApiGateway", metric, "ApiId", api)
		}
	}
	end := s.options.Now()
	out, err := cloudwatch.NewFromConfig(s.options.AWS).GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: aws.Time(end.Add(-recent)), EndTime: &end,
	})
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, result := range out.MetricDataResults {
		if result.StatusCode == types.StatusCodeForbidden {
			return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "the metric may not be read"}
		}
		for _, v := range result.Values {
			counts[aws.ToString(result.Label)] += int(v)
		}
	}
	return counts, nil
}
