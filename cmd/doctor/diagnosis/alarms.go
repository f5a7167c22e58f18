package diagnosis

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
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
		i := slices.IndexFunc(out.LogGroups, func(g logtypes.LogGroup) bool { return aws.ToString(g.LogGroupName) == group.physical })
		if i < 0 {
			return fail("the log group %s was deleted by hand", group.physical).fix("%s", s.stack.revert())
		}
		restore := fmt.Sprintf("aws logs put-retention-policy --log-group-name %s --retention-in-days %s",
			group.physical, cmp.Or(s.stack.parameters["LogRetentionDays"], "90"))
		if out.LogGroups[i].RetentionInDays == nil {
			return fail("the log group %s keeps its lines for ever, names of operators among them", group.physical).fix("%s", restore)
		}
		days := fmt.Sprint(*out.LogGroups[i].RetentionInDays)
		if d := s.stack.differs("its retention", days, "LogRetentionDays"); d != "" {
			return fail("the log group %s was changed by hand: %s", group.physical, d).fix("%s", restore)
		}
		kept = append(kept, group.logical+" "+days+" days")
	}
	return pass("%s", strings.Join(kept, ", "))
}

// alarm is what metric alarms and composite alarms have in common.
type alarm struct {
	name    string
	actions []string
	enabled *bool // nil for an alarm that is missing
	state   types.StateValue
}

// alarms checks that each alarm of the stack exists, notifies someone or is part of a composite alarm that does, and is not
// firing.
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
	found, covered := map[string]alarm{}, map[string]bool{}
	for _, a := range out.MetricAlarms {
		found[*a.AlarmName] = alarm{*a.AlarmName, a.AlarmActions, a.ActionsEnabled, a.StateValue}
	}
	for _, a := range out.CompositeAlarms {
		found[*a.AlarmName] = alarm{*a.AlarmName, a.AlarmActions, a.ActionsEnabled, a.StateValue}
		for _, part := range strings.FieldsFunc(aws.ToString(a.AlarmRule), func(r rune) bool { return strings.ContainsRune(`"() `, r) }) {
			name := part[strings.LastIndex(part, ":")+1:] // of a name or an ARN
			covered[name] = covered[name] || len(a.AlarmActions) > 0
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for _, action := range found[name].actions {
			if strings.Contains(action, ":sns:") && !slices.Contains(s.alarmTopics, action) {
				s.alarmTopics = append(s.alarmTopics, action)
			}
		}
	}
	for _, row := range []struct {
		problem string
		has     func(alarm) bool
		fix     string
	}{
		{"deleted by hand", func(a alarm) bool { return a.enabled == nil }, s.stack.revert()},
		{"no action, so that they notify no one", func(a alarm) bool { return len(a.actions) == 0 && !covered[a.name] },
			"set AlarmEmail or AlarmTopicArn and deploy again; if one is set, " + s.stack.revert()},
		{"actions are switched off", func(a alarm) bool { return !*a.enabled }, "aws cloudwatch enable-alarm-actions --alarm-names NAMES"},
		{"in alarm now", func(a alarm) bool { return a.state == types.StateValueAlarm }, "docs/runbook.md has an entry for each"},
	} {
		affected := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !row.has(found[name]) })
		if len(affected) > 0 {
			return fail("%s: %s", row.problem, strings.Join(affected, ", ")).
				fix("%s", strings.Replace(row.fix, "NAMES", strings.Join(affected, " "), 1))
		}
	}
	return pass("%d alarms, none in alarm, each with an action or in a composite alarm with one", len(names))
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
