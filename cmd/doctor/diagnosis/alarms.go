package diagnosis

import (
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

// logRetention says whether every log group of the stack forgets one day.
func logRetention(ctx context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	groups := s.stack.resources["AWS::Logs::LogGroup"]
	if len(groups) == 0 {
		return fail("the stack holds no log group", "deploy the whole template (make deploy)")
	}
	var kept []string
	for _, group := range groups {
		out, err := s.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group.physical})
		if err != nil {
			return unread(err)
		}
		found := false
		for _, g := range out.LogGroups {
			if value(g.LogGroupName) != group.physical {
				continue
			}
			found = true
			if g.RetentionInDays == nil {
				return fail("the log group "+group.physical+" keeps its lines for ever, names of operators among them",
					"set LogRetentionDays and deploy again, or: aws logs put-retention-policy")
			}
			kept = append(kept, fmt.Sprintf("%s %d days", group.logical, *g.RetentionInDays))
		}
		if !found {
			return fail("the log group "+group.physical+" was deleted by hand", "deploy again")
		}
	}
	return pass(strings.Join(kept, ", "))
}

// alarms says whether each alarm of the stack is there, is quiet, and tells somebody.
func alarms(ctx context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	var names []string
	for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} {
		for _, r := range s.stack.resources[kind] {
			names = append(names, r.physical)
		}
	}
	if len(names) == 0 {
		return fail("the stack holds no alarm", "deploy the whole template (make deploy)")
	}
	found, err := s.describeAlarms(ctx, names)
	if err != nil {
		return unread(err)
	}
	var missing, mute, disabled, loud []string
	for _, name := range names {
		a, ok := found[name]
		switch {
		case !ok:
			missing = append(missing, name)
		case len(a.actions) == 0:
			mute = append(mute, name)
		case !a.enabled:
			disabled = append(disabled, name)
		case a.state == types.StateValueAlarm:
			loud = append(loud, name)
		}
		for _, action := range a.actions {
			if strings.Contains(action, ":sns:") && !slices.Contains(s.alarmTopics, action) {
				s.alarmTopics = append(s.alarmTopics, action)
			}
		}
	}
	switch {
	case len(missing) > 0:
		return fail("deleted by hand: "+strings.Join(missing, ", "), "deploy again")
	case len(mute) > 0:
		return fail("no action, so that nobody is told: "+strings.Join(mute, ", "), "set the parameter that names the alarms' topic or address, and deploy again")
	case len(disabled) > 0:
		return fail("actions are switched off: "+strings.Join(disabled, ", "), "aws cloudwatch enable-alarm-actions --alarm-names …")
	case len(loud) > 0:
		return fail("in alarm now: "+strings.Join(loud, ", "), "docs/runbook.md has an entry for each")
	}
	return pass(fmt.Sprintf("%d alarms, each with an action, none in alarm", len(names)))
}

type alarm struct {
	actions []string
	enabled bool
	state   types.StateValue
}

// describeAlarms reads the alarms in groups of 100, the most that one call takes.
func (s *subject) describeAlarms(ctx context.Context, names []string) (map[string]alarm, error) {
	found := map[string]alarm{}
	for group := range slices.Chunk(names, 100) {
		out, err := s.cloudwatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: group, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
			MaxRecords: aws.Int32(100),
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.MetricAlarms {
			found[*a.AlarmName] = alarm{a.AlarmActions, aws.ToBool(a.ActionsEnabled), a.StateValue}
		}
		for _, a := range out.CompositeAlarms {
			found[*a.AlarmName] = alarm{a.AlarmActions, aws.ToBool(a.ActionsEnabled), a.StateValue}
		}
	}
	return found, nil
}

// alarmRecipients says whether a topic that the alarms notify has a listener:
// a subscription by mail counts only once somebody has confirmed it.
func alarmRecipients(ctx context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	if len(s.alarmTopics) == 0 {
		return skip("no alarm notifies a topic")
	}
	for _, topic := range s.alarmTopics {
		out, err := s.sns.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &topic})
		if notFound(err) {
			return fail("the alarms notify a topic that does not exist: "+lastPart(topic, ":"), "deploy again, or name an existing topic")
		}
		if err != nil {
			return unread(err)
		}
		if n := out.Attributes["SubscriptionsConfirmed"]; n == "" || n == "0" {
			return fail("nobody listens to the topic "+lastPart(topic, ":"), "subscribe somebody, and have them confirm by the link in the mail")
		}
	}
	return pass(fmt.Sprintf("%d topic(s) with a confirmed subscription", len(s.alarmTopics)))
}

// recent is how far back outcomes are counted.
const recent = time.Hour

// troubles are the outcomes that point at a fault of ours or Atlas's, with
// what to do about each.
var troubles = []struct{ code, mend string }{
	{string(handler.SecretUnavailable), "see the check secret, then docs/runbook.md"},
	{string(handler.AtlasRefused), "put the right Atlas credentials in (make secret)"},
	{string(handler.AtlasUnavailable), "see docs/runbook.md: Atlas cannot be reached from the function"},
	{"SecretFallback", "the secret put last is refused and the one before goes on working: put the right one in (make secret)"},
	{"InternalErrors", "look at the function's log for level ERROR"},
}

// recentOutcomes counts what callers of the last hour got, by the metrics that
// the function writes, and what Lambda counted beside them.
func recentOutcomes(ctx context.Context, s *subject) finding {
	if s.environment == nil {
		return s.needsFunction()
	}
	counts, err := s.count(ctx, s.stack.functionName())
	if err != nil {
		return unread(err)
	}
	for _, lambdas := range []string{"Errors", "Throttles"} {
		if n := counts[lambdas]; n > 0 {
			return fail(fmt.Sprintf("Lambda counted %d %s in the last hour", n, strings.ToLower(lambdas)), "docs/runbook.md, the entry of that alarm")
		}
	}
	for _, trouble := range troubles {
		if n := counts[trouble.code]; n > 0 {
			return fail(fmt.Sprintf("%d of %d requests of the last hour counted as %s", n, counts["Requests"], trouble.code), trouble.mend)
		}
	}
	if counts["Requests"] == 0 {
		return skip("nobody has called in the last hour")
	}
	return pass(fmt.Sprintf("%d requests in the last hour, %d of them got a link", counts["Requests"], counts["Succeeded"]))
}

// count sums the metrics of the last hour.
func (s *subject) count(ctx context.Context, function string) (map[string]int, error) {
	var queries []types.MetricDataQuery
	add := func(namespace, metric string, dimensions ...types.Dimension) {
		queries = append(queries, types.MetricDataQuery{
			Id: aws.String(fmt.Sprintf("m%d", len(queries))), Label: &metric,
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: &namespace, MetricName: &metric, Dimensions: dimensions},
				Period: aws.Int32(int32(recent.Seconds())), Stat: aws.String("Sum"),
			},
		})
	}
	dimension := func(name, value string) types.Dimension { return types.Dimension{Name: &name, Value: &value} }
	// Of the alias api alone: through service, a refused request is a function error, too.
	add("AWS/Lambda", "Errors", dimension("FunctionName", function), dimension("Resource", function+":"+aliasAPI))
	add("AWS/Lambda", "Throttles", dimension("FunctionName", function))
	for _, metric := range []string{"Requests", "Succeeded"} {
		add(handler.Namespace, metric, dimension("function", function))
	}
	for _, trouble := range troubles {
		add(handler.Namespace, trouble.code, dimension("function", function))
	}
	end := s.now()
	out, err := s.cloudwatch.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
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
			counts[value(result.Label)] += int(v)
		}
	}
	return counts, nil
}
