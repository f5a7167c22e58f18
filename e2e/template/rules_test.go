package template_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/template"
)

func TestParametersThatDoNotFitAreRefusedBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})[0]
	good := template.Parameters{"AuthMode": "JWT", "JwtIssuer": "https://login.example.com", "JwtAudience": []string{"atrip"}}
	if broken := template.NewStack(transformed, good).Broken(); len(broken) > 0 {
		t.Fatalf("good parameters are refused: %s", broken)
	}
	for name, row := range map[string]struct {
		change template.Parameters
		want   string
	}{
		"JWT without an issuer":                    {template.Parameters{"JwtIssuer": ""}, "needs JwtIssuer"},
		"JWT without an audience":                  {template.Parameters{"JwtAudience": []string{""}}, "needs JwtAudience"},
		"a domain without a certificate":           {template.Parameters{"DomainName": "atrip.example.com"}, "needs CertificateArn"},
		"a hosted zone without a domain":           {template.Parameters{"HostedZoneId": "Z0EXAMPLE"}, "needs DomainName"},
		"a schedule without its end":               {template.Parameters{"ProvisionedConcurrency": "1", "ProvisionedFrom": "cron(0 8 * * ? *)"}, "needs ProvisionedUntil"},
		"a schedule without its start":             {template.Parameters{"ProvisionedConcurrency": "1", "ProvisionedUntil": "cron(0 8 * * ? *)"}, "needs ProvisionedFrom"},
		"a schedule of nothing":                    {template.Parameters{"ProvisionedFrom": "cron(0 8 * * ? *)", "ProvisionedUntil": "cron(0 9 * * ? *)"}, "ProvisionedConcurrency above 0"},
		"existing network without subnets":         {template.Parameters{"NetworkMode": "existing", "SecurityGroupIds": []string{"sg-1"}}, "needs SubnetIds"},
		"existing network without security groups": {template.Parameters{"NetworkMode": "existing", "SubnetIds": []string{"subnet-1"}}, "needs SecurityGroupIds"},
		"an endpoint without a VPC":                {template.Parameters{"SecretsManagerVpcEndpoint": "true", "VpcId": "vpc-1"}, "needs NetworkMode own or existing"},
		"an endpoint in an unnamed VPC": {template.Parameters{"SecretsManagerVpcEndpoint": "true", "NetworkMode": "existing",
			"SubnetIds": []string{"subnet-1"}, "SecurityGroupIds": []string{"sg-1"}}, "existing with VpcId"},
		"an address for another's topic":  {template.Parameters{"AlarmEmail": "oncall@example.com", "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:oncall"}, "subscribe it"},
		"a probe's order without a probe": {template.Parameters{"ProbeOrderNo": "X1", "ProbeUserName": "probe@example.com"}, "needs ProbeSchedule"},
		"a probe's order without a user":  {template.Parameters{"ProbeOrderNo": "X1", "ProbeSchedule": "rate(5 minutes)"}, "needs ProbeUserName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parameters := maps.Clone(good)
			maps.Copy(parameters, row.change)
			broken := template.NewStack(transformed, parameters).Broken()
			if len(broken) != 1 || !strings.Contains(broken[0], row.want) {
				t.Errorf("refused with %q, want one text with %q", broken, row.want)
			}
		})
	}
}

func TestEveryParameterIsInAGroupAndDescribed(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})[0]
	grouped := map[string]bool{}
	groups := transformed["Metadata"].(map[string]any)["AWS::CloudFormation::Interface"].(map[string]any)["ParameterGroups"].([]any)
	for _, group := range groups {
		for _, name := range group.(map[string]any)["Parameters"].([]any) {
			grouped[name.(string)] = true
		}
	}
	parameters := transformed["Parameters"].(map[string]any)
	for name, declared := range parameters {
		if !grouped[name] {
			t.Errorf("%s is in no group", name)
		}
		if description, _ := declared.(map[string]any)["Description"].(string); description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(grouped)) {
		if parameters[name] == nil {
			t.Errorf("the groups name %s, which is no parameter", name)
		}
	}
}
