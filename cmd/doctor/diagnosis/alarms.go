package diagnosis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"atriptoken/handler"
)

// logRetention checks that every log group of the stack deletes its lines one day.
func logRetention(ctx context.Context, s *subject) Result {
	groups := s.stack.resources["AWS::Logs::LogGroup"]
	if len(groups) == 0 {
		return fail("the stack has no log group").fix(deployWhole)
	}
	var kept []string
	client := cloudwatchlogs.NewFromConfig(s.options.AWS)
	for _, group := range groups {
		out, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group.physical})
		if err != nil {
			return unread(err)
		}
		found := false
		for _, g := range out.LogGroups {
			if aws.ToString(g.LogGroupName) != group.physical {
				continue
			}
			found = true
			restore := fmt.Sprintf("aws logs put-retention-policy --log-group-name %s --retention-in-days %s",
				group.physical, cmp.Or(s.stack.parameters["LogRetentionDays"], "90"))
			if g.RetentionInDays == nil {
				return fail("the log group %s keeps its lines for ever, names of operators among them", group.physical).fix("%s", restore)
			}
			days := fmt.Sprint(*g.RetentionInDays)
			if d := s.stack.differs("its retention", days, "LogRetentionDays"); d != "" {
				return fail("the log group %s was changed by hand: %s", group.physical, d).fix("%s", restore)
			}
			kept = append(kept, group.logical+" "+days+" days")
		}
		if !found {
			return fail("the log group %s was deleted by hand", group.physical).fix(revertDrift)
		}
	}
	return pass("%s", strings.Join(kept, ", "))
}

// alarm is what metric alarms and composite alarms have in common.
type alarm struct {
	actions []string
	enabled *bool
	state   types.StateValue
}

// alarms checks that each alarm of the stack exists, has an action and is not firing.
func alarms(ctx context.Context, s *subject) Result {
	var names []string
	for _, r := range slices.Concat(s.stack.resources["AWS::CloudWatch::Alarm"], s.stack.resources["AWS::CloudWatch::CompositeAlarm"]) {
		names = append(names, r.physical)
	}
	if len(names) == 0 {
		return fail("the stack has no alarm").fix(deployWhole)
	}
	out, err := cloudwatch.NewFromConfig(s.options.AWS).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}, MaxRecords: aws.Int32(100),
	})
	if err != nil {
		return unread(err)
	}
	found := map[string]alarm{}
	for _, a := range out.MetricAlarms {
		found[*a.AlarmName] = alarm{a.AlarmActions, a.ActionsEnabled, a.StateValue}
	}
	for _, a := range out.CompositeAlarms {
		found[*a.AlarmName] = alarm{a.AlarmActions, a.ActionsEnabled, a.StateValue}
	}
	var missing, noAction, disabled, firing []string
	for _, name := range names {
		a, ok := found[name]
		switch {
		case !ok:
			missing = append(missing, name)
		case len(a.actions) == 0:
			noAction = append(noAction, name)
		case !aws.ToBool(a.enabled):
			disabled = append(disabled, name)
		case a.state == types.StateValueAlarm:
			firing = append(firing, name)
		}
		for _, action := range a.actions {
			if strings.Contains(action, ":sns:") && !slices.Contains(s.alarmTopics, action) {
				s.alarmTopics = append(s.alarmTopics, action)
			}
		}
	}
	switch list := func(names []string) string { return strings.Join(names, ", ") }; {
	case len(missing) > 0:
		return fail("deleted by hand: %s", list(missing)).fix(revertDrift)
	case len(noAction) > 0:
		return fail("no action, so that they notify no one: %s", list(noAction)).
			fix("set the parameter that names the alarms' topic or address, and deploy again")
	case len(disabled) > 0:
		return fail("actions are switched off: %s", list(disabled)).
			fix("aws cloudwatch enable-alarm-actions --alarm-names %s", strings.Join(disabled, " "))
	case len(firing) > 0:
		return fail("in alarm now: %s", list(firing)).fix("docs/runbook.md has an entry for each")
	}
	return pass("%d alarms, each with an action, none in alarm", len(names))
}

// alarmRecipients checks that each topic of the alarms has a subscription that its owner has confirmed.
func alarmRecipients(ctx context.Context, s *subject) Result {
	if len(s.alarmTopics) == 0 {
		return skip("no alarm notifies a topic")
	}
	for _, topic := range s.alarmTopics {
		out, err := sns.NewFromConfig(s.options.AWS).GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &topic})
		if err != nil {
			return unreadOr(err, "the alarms notify a topic that does not exist: "+nameIn(topic), "deploy again, or name an existing topic")
		}
		if n := out.Attributes["SubscriptionsConfirmed"]; n == "" || n == "0" {
			return fail("the topic %s has no confirmed subscription", nameIn(topic)).
				fix("subscribe the address of the person on call; its owner has to confirm by the link in the mail")
		}
	}
	return pass("%d topic(s) with a confirmed subscription", len(s.alarmTopics))
}

// recent is how far back outcomes are counted.
const recent = time.Hour

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

// recentOutcomes counts the answers of the last hour, by the metrics of the function and of Lambda.
func recentOutcomes(ctx context.Context, s *subject) Result {
	counts, err := s.count(ctx, s.stack.functionName())
	if err != nil {
		return unread(err)
	}
	for _, f := range failures {
		if n := counts[f.metric]; n > 0 {
			return fail("%d of %d requests of the last hour counted as %s", n, counts["Requests"], f.metric).fix("%s", f.fix)
		}
	}
	switch {
	case counts["Requests"] == 0:
		return skip("there was no request in the last hour")
	case counts["Succeeded"] == 0:
		return fail("none of the %d requests of the last hour got a link", counts["Requests"]).
			fix("look at the outcomes in the function's log: docs/runbook.md has an entry for each")
	}
	return pass("%d requests in the last hour, %d of them got a link", counts["Requests"], counts["Succeeded"])
}

// count returns the sums of the metrics over the last hour.
func (s *subject) count(ctx context.Context, function string) (map[string]int, error) {
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
	// Errors of the alias api only: through service, a refused request is a function error as well.
	add("AWS/Lambda", "Errors", "FunctionName", function, "Resource", function+":"+aliasAPI)
	add("AWS/Lambda", "Throttles", "FunctionName", function)
	for _, metric := range []string{"Requests", "Succeeded"} {
		add(handler.Namespace, metric, "function", function)
	}
	for _, f := range failures[2:] {
		add(handler.Namespace, f.metric, "function", function)
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
