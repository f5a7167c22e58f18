package template_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/template"
)

func TestRules_Refuse(t *testing.T) {
	t.Parallel()
	type parameters = template.Parameters
	rows := []struct {
		name   string
		change parameters
		want   string
	}{
		{"none", nil, ""},
		{"JWT without issuer", parameters{"JwtIssuer": ""}, "needs JwtIssuer"},
		{"JWT without audience", parameters{"JwtAudience": ""}, "needs JwtAudience"},
		{"layer without its policy", parameters{"PolicyLayerArn": layer}, "decides nothing"},
		{"layer with a policy", parameters{"PolicyLayerArn": layer, "PolicyFile": "/opt/mine.cedar"}, ""},
		{"layer with a candidate", parameters{"PolicyLayerArn": layer, "PolicyCandidateFile": "/opt/mine.cedar"}, ""},
		{"domain without certificate", parameters{"DomainName": "atrip.example.com"}, "needs CertificateArn"},
		{"hosted zone without domain", parameters{"HostedZoneId": "Z0EXAMPLE"}, "needs DomainName"},
		{"existing without subnets", parameters{"NetworkMode": "existing", "SecurityGroupIds": "sg-1"}, "needs SubnetIds"},
		{"existing without security group", parameters{"NetworkMode": "existing", "SubnetIds": "subnet-1"}, "needs SecurityGroupIds"},
		{"addresses without own VPC", parameters{"EgressAllocationIds": "eipalloc-1", "EgressIps": "192.0.2.1"}, "needs NetworkMode own"},
		{"allocations without addresses", parameters{"EgressAllocationIds": "eipalloc-1,eipalloc-2", "NetworkMode": "own"}, "needs EgressIps"},
		{"accounts without secrets", parameters{"AtlasAccounts": `{"b":{}}`}, "needs AtlasAccountSecretArns"},
		{"email and own topic", parameters{"AlarmEmail": "oncall@example.com",
			"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:oncall"}, "subscribe the address"},
		{"probe's order without probe", parameters{"ProbeOrderNo": "X1", "ProbeUserName": "probe@example.com"}, "needs ProbeSchedule"},
		{"probe's order without user", parameters{"ProbeOrderNo": "X1", "ProbeSchedule": "rate(5 minutes)"}, "needs ProbeUserName"},
		{"probe's client without probe", parameters{"ProbeClientSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:probe-AbCdEf"},
			"needs ProbeSchedule"},
	}
	var all []parameters
	for _, row := range rows {
		with := parameters{"AuthMode": "JWT", "JwtIssuer": "https://login.example.com", "JwtAudience": "atrip"}
		maps.Copy(with, row.change)
		all = append(all, with)
	}
	for i, stack := range template.Make(t, all...) {
		row, broken := rows[i], stack.Broken
		if row.want == "" && len(broken) > 0 || row.want != "" && (len(broken) != 1 || !strings.Contains(broken[0], row.want)) {
			t.Errorf("%s: refused with %q, want one text with %q", row.name, broken, row.want)
		}
	}
}

func TestParameters_GroupedAndDescribed(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{})[0]
	grouped := map[string]bool{}
	groups := stack.Metadata["AWS::CloudFormation::Interface"].(map[string]any)["ParameterGroups"].([]any)
	for _, group := range groups {
		for _, name := range group.(map[string]any)["Parameters"].([]any) {
			grouped[name.(string)] = true
		}
	}
	for name, declared := range stack.Parameters {
		if !grouped[name] {
			t.Errorf("%s is in no group", name)
		}
		if description, _ := declared.(map[string]any)["Description"].(string); description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(grouped)) {
		if stack.Parameters[name] == nil {
			t.Errorf("the groups name %s, which is no parameter", name)
		}
	}
}
