package diagnosis

import (
	"cmp"
	"context"
	"fmt"
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
	names := s.stack.kinds["AWS::Logs::LogGroup"]
	if len(names) == 0 {
		return fail("the stack has no log group").fix(deployWhole)
	}
	var kept []string
	for _, name := range names {
		group := s.stack.ids[name]
		out, err := cloudwatchlogs.NewFromConfig(s.options.AWS).DescribeLogGroups(ctx,
			&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
		if err != nil {
			return unread(err)
		}
		i := slices.IndexFunc(out.LogGroups, func(g logtypes.LogGroup) bool { return aws.ToString(g.LogGroupName) == group })
		if i < 0 {
			return fail("the log group %s was deleted by hand", group).fix("%s", s.stack.revert())
		}
		restore := fmt.Sprintf("aws logs put-retention-policy --log-group-name %s --retention-in-days %s",
			group, cmp.Or(s.stack.parameters["LogRetentionDays"], "90"))
		if out.LogGroups[i].RetentionInDays == nil {
			return fail("the log group %s keeps its lines for ever, names of operators among them", group).fix("%s", restore)
		}
		days := fmt.Sprint(*out.LogGroups[i].RetentionInDays)
		s.compare("the retention of "+group, days, "LogRetentionDays", restore)
		kept = append(kept, name+" "+days+" days")
	}
	return pass("%s", strings.Join(kept, ", "))
}

// alarms checks that each alarm of the stack exists, notifies someone or is part of a composite alarm that does, and is not
// firing.
func alarms(ctx context.Context, s *subject) Result {
	var names []string
	for _, name := range slices.Concat(s.stack.kinds["AWS::CloudWatch::Alarm"], s.stack.kinds["AWS::CloudWatch::CompositeAlarm"]) {
		names = append(names, s.stack.ids[name])
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
	all, covered := out.MetricAlarms, "" // the rules of composite alarms with an action
	for _, a := range out.CompositeAlarms {
		all = append(all, types.MetricAlarm{AlarmName: a.AlarmName, AlarmActions: a.AlarmActions,
			ActionsEnabled: a.ActionsEnabled, StateValue: a.StateValue})
		if len(a.AlarmActions) > 0 {
			covered += aws.ToString(a.AlarmRule)
		}
	}
	found := map[string]types.MetricAlarm{}
	for _, a := range all {
		found[aws.ToString(a.AlarmName)] = a
	}
	const missing, silent, off, firing = "deleted by hand", "no action, so that they notify no one", "actions are switched off", "in alarm now"
	affected := map[string][]string{}
	for _, name := range names {
		a, ok := found[name]
		problem := ""
		switch {
		case !ok:
			problem = missing
		case len(a.AlarmActions) == 0 && !strings.Contains(covered, `"`+name+`"`) && !strings.Contains(covered, ":"+name+`"`): // a name or an ARN
			problem = silent
		case !aws.ToBool(a.ActionsEnabled):
			problem = off
		case a.StateValue == types.StateValueAlarm:
			problem = firing
		}
		affected[problem] = append(affected[problem], name)
		for _, action := range a.AlarmActions {
			if strings.Contains(action, ":sns:") && !slices.Contains(s.alarmTopics, action) {
				s.alarmTopics = append(s.alarmTopics, action)
			}
		}
	}
	for _, row := range []struct{ problem, fix string }{
		{missing, s.stack.revert()},
		{silent, "set AlarmEmail or AlarmTopicArn and deploy again; if one is set, " + s.stack.revert()},
		{off, "aws cloudwatch enable-alarm-actions --alarm-names " + strings.Join(affected[off], " ")},
		{firing, "docs/runbook.md has an entry for each"},
	} {
		if names := affected[row.problem]; len(names) > 0 {
			return fail("%s: %s", row.problem, strings.Join(names, ", ")).fix("%s", row.fix)
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
