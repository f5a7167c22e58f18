package template_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// TestAlarms_Ring evaluates the alarms for half an hour with the probe and, where a row says so, three clicks: what 1,000 a month
// are at most. The rows have the names of docs/operate.md's table.
func TestAlarms_Ring(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{"AuthMode": "IAM", "ProbeSchedule": "rate(5 minutes)"})[0]
	rule := fmt.Sprint(stack.Resources["PagerAlarm"].Properties["AlarmRule"])
	type values = map[string]float64
	// The probe alone: six runs of five forged requests and two forged events.
	night := values{
		"ProbeRun": 6, "ProbeRefused": 30, "ClosedDoorsOpen": 0, "Requests": 12, "Count": 30, "4xx": 30, "ApiRefused": 30,
	}
	day := func(change values) values {
		day := maps.Clone(night)
		maps.Copy(day, values{"Count": 33, "Requests": 15, "TotalMs": 900, "IntegrationLatency": 950, "SecretAgeSeconds": 200})
		maps.Copy(day, change)
		return day
	}
	rung := map[string]string{}
	for name, row := range map[string]struct {
		values values
		want   string
	}{
		"the probe alone":         {night, ""},
		"three links":             {day(values{"Succeeded": 3}), ""},
		"a crash":                 {day(values{"Errors": 1, "5xx": 1, "Succeeded": 2}), "ErrorsAlarm"},
		"a defect":                {day(values{"InternalErrors": 1, "5xx": 1, "Succeeded": 2}), "InternalErrorsAlarm"},
		"no free environment":     {day(values{"Throttles": 1, "Succeeded": 2}), "ThrottlesAlarm"},
		"a lost permission":       {day(values{"5xx": 3, "Requests": 12}), "GatewayErrorsAlarm NoLinkAlarm"},
		"tokens refused":          {day(values{"Count": 38, "4xx": 38, "ApiRefused": 38, "Requests": 12}), "ApiRefusalsAlarm"},
		"a flood":                 {day(values{"Count": 930, "4xx": 900, "ApiRefused": 900, "Succeeded": 30}), "ApiRefusalsAlarm"},
		"a wrong policy":          {day(values{"4xx": 33, "ApiRefused": 33, "NotPermitted": 3}), "NotPermittedAlarm"},
		"slow answers":            {day(values{"TotalMs": 6000, "IntegrationLatency": 6000, "Succeeded": 3}), "GatewayLatencyAlarm LatencyAlarm"},
		"slow starts":             {day(values{"IntegrationLatency": 6000, "Succeeded": 3}), "GatewayLatencyAlarm"},
		"refused credentials":     {day(values{"AtlasRefused": 3, "5xx": 3}), "AtlasRefusedAlarm GatewayErrorsAlarm NoLinkAlarm"},
		"Atlas's limit":           {day(values{"AtlasRateLimited": 3, "4xx": 33, "ApiRefused": 33}), "AtlasRateLimitedAlarm"},
		"Atlas down":              {day(values{"AtlasUnavailable": 3, "5xx": 3}), "AtlasFailingAlarm GatewayErrorsAlarm NoLinkAlarm"},
		"one failure":             {day(values{"AtlasFailed": 1, "5xx": 1, "Succeeded": 2}), ""},
		"an open breaker":         {day(values{"BreakerOpen": 1, "Succeeded": 3}), "BreakerOpenAlarm"},
		"no secret":               {day(values{"SecretUnavailable": 3, "5xx": 3}), "GatewayErrorsAlarm NoLinkAlarm SecretUnavailableAlarm"},
		"no refresh":              {day(values{"SecretAgeSeconds": 4000, "Succeeded": 3}), "SecretAgeAlarm"},
		"a wrong new secret":      {day(values{"SecretFallback": 3, "Succeeded": 3}), "SecretFallbackAlarm"},
		"an open door":            {day(values{"ClosedDoorsOpen": 1, "Succeeded": 3}), "ClosedDoorAlarm"},
		"no link for the probe":   {day(values{"OpenDoorFailed": 1, "Succeeded": 3}), "OpenDoorAlarm"},
		"no probe":                {values{"Count": 3, "Requests": 3, "Succeeded": 3}, "ClosedDoorAlarm HeartbeatAlarm"},
		"no metrics from the log": {values{"Count": 33, "4xx": 30}, "ClosedDoorAlarm HeartbeatAlarm NoLinkAlarm"},
	} {
		var ids []string
		var alarms []any
		for id, resource := range stack.Resources {
			if resource.Type == "AWS::CloudWatch::Alarm" {
				ids, alarms = append(ids, id), append(alarms, []any{resource.Properties, row.values})
			}
		}
		var states []bool
		template.Python(t, "ring.py", alarms, &states)
		var ringing []string
		for i, id := range ids {
			if !states[i] {
				continue
			}
			ringing = append(ringing, id)
			rung[id] += "`" + name + "`"
			if pages := strings.Contains(rule, "${"+id+"}"); !pages && stack.Resources[id].Properties["AlarmActions"] == nil {
				t.Errorf("%s notifies neither by itself nor by PagerAlarm", id)
			}
		}
		slices.Sort(ringing)
		if got := strings.Join(ringing, " "); got != row.want {
			t.Errorf("%s: %q are in alarm, want %q", name, got, row.want)
		}
	}
	text, err := os.ReadFile(filepath.Join(rig.Root(), "docs/operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+Alarm)` \\|.*\\| (`.*`) \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[2]
	}
	for id, resource := range stack.Resources {
		if resource.Type == "AWS::CloudWatch::Alarm" && (documented[id] == "" || !strings.Contains(rung[id], documented[id])) {
			t.Errorf("docs/operate.md says that %s rang in %s; it rang in %s", id, documented[id], rung[id])
		}
	}
}
