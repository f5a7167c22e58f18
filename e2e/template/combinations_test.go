package template_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/template"
)

// choices are the sides of the stack, each with the ways to set it; one from each makes a stack.
var choices = []map[string]template.Parameters{
	{ // who may call
		"JWT":             {"AuthMode": "JWT", "JwtIssuer": "https://login.example.com", "JwtAudience": []string{"atrip"}},
		"JWT with scopes": {"AuthMode": "JWT", "JwtIssuer": "https://login.example.com", "JwtAudience": []string{"atrip"}, "JwtScopes": []string{"atrip:open"}, "CorsOrigins": []string{"https://backoffice.example.com"}},
		"IAM":             {"AuthMode": "IAM"},
	},
	{ // network
		"no VPC":                    {"NetworkMode": "none"},
		"existing":                  {"NetworkMode": "existing", "SubnetIds": []string{"subnet-1", "subnet-2"}, "SecurityGroupIds": []string{"sg-1"}, "EgressIps": "192.0.2.7"},
		"existing, endpoint":        {"NetworkMode": "existing", "SubnetIds": []string{"subnet-1"}, "SecurityGroupIds": []string{"sg-1"}, "VpcId": "vpc-1", "SecretsManagerVpcEndpoint": "true"},
		"own":                       {"NetworkMode": "own", "VpcZones": "2"},
		"own, endpoint":             {"NetworkMode": "own", "VpcZones": "2", "SecretsManagerVpcEndpoint": "true"},
		"own of one zone":           {"NetworkMode": "own", "VpcZones": "1"},
		"own of one zone, endpoint": {"NetworkMode": "own", "VpcZones": "1", "SecretsManagerVpcEndpoint": "true"},
	},
	{ // domain
		"no domain":         {},
		"domain":            {"DomainName": "atrip.example.com", "CertificateArn": certificate},
		"domain and record": {"DomainName": "atrip.example.com", "CertificateArn": certificate, "HostedZoneId": "Z0EXAMPLE"},
	},
	{ // secret
		"made":                  {},
		"made, admins":          {"SecretAdminArns": []string{"arn:aws:iam::123456789012:role/atlas-admin"}},
		"made, own key":         {"SecretKmsKeyArn": key},
		"made, admins, own key": {"SecretAdminArns": []string{"arn:aws:iam::123456789012:role/atlas-admin"}, "SecretKmsKeyArn": key},
		"brought":               {"AtlasSecretArn": secret},
		"brought, own key":      {"AtlasSecretArn": secret, "SecretKmsKeyArn": key},
	},
	{ // alarms and logs
		"topic made":                     {},
		"topic made, email":              {"AlarmEmail": "oncall@example.com"},
		"topic made, own key":            {"OperationsKmsKeyArn": key},
		"topic brought":                  {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:oncall"},
		"topic brought, own key, traced": {"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:oncall", "OperationsKmsKeyArn": key, "Tracing": "Active"},
	},
	{ // concurrency
		"as it comes":            {},
		"reserved":               {"ReservedConcurrency": "50"},
		"provisioned":            {"ProvisionedConcurrency": "2"},
		"provisioned by the day": {"ProvisionedConcurrency": "2", "ProvisionedFrom": "cron(45 7 ? * MON-FRI *)", "ProvisionedUntil": "cron(0 19 ? * MON-FRI *)", "ReservedConcurrency": "50"},
	},
	{ // probe
		"no probe":            {},
		"closed doors":        {"ProbeSchedule": "rate(5 minutes)"},
		"closed and the open": {"ProbeSchedule": "rate(5 minutes)", "ProbeOrderNo": "XPFIW20220209163159425", "ProbeUserName": "probe@example.com"},
	},
}

const (
	certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d"
	secret      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atrip/atlas-AbCdEf"
	key         = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
)

// combinations calls check with every choice of one from each side, and a name that lists them.
func combinations(check func(name string, parameters template.Parameters)) {
	var choose func(side int, name []string, parameters template.Parameters)
	choose = func(side int, name []string, parameters template.Parameters) {
		if side == len(choices) {
			check(strings.Join(name, " / "), parameters)
			return
		}
		for _, option := range slices.Sorted(maps.Keys(choices[side])) {
			with := maps.Clone(parameters)
			maps.Copy(with, choices[side][option])
			choose(side+1, append(slices.Clone(name), option), with)
		}
	}
	choose(0, nil, template.Parameters{})
}

func TestEveryCombinationOfParametersMakesAStackWithoutDanglingReferences(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})[0]
	n := 0
	combinations(func(name string, parameters template.Parameters) {
		n++
		stack := template.NewStack(transformed, parameters)
		if broken := stack.Broken(); len(broken) > 0 {
			t.Errorf("%s: refused: %s", name, broken)
		}
		if dangling := stack.Dangling(); len(dangling) > 0 {
			t.Errorf("%s: %s", name, strings.Join(dangling, "; "))
		}
		if stack.Has("JwtRoute") == stack.Has("IamRoute") {
			t.Errorf("%s: not exactly one of the two routes", name)
		}
	})
	t.Logf("%d combinations", n)
}

// Conditions are evaluated after SAM's transform, so one transformed template stands for every combination, unless the
// transform itself looks at a parameter.
func TestSAMsTransformLooksAtNoParameterButTheDeploymentType(t *testing.T) {
	t.Parallel()
	sets := []template.Parameters{{}}
	for _, side := range choices {
		for _, option := range slices.Sorted(maps.Keys(side)) {
			sets = append(sets, side[option])
		}
	}
	sets = append(sets, template.Parameters{"Architecture": "x86_64", "MemorySize": "1024", "LogLevel": "DEBUG", "LogRetentionDays": "7"})
	all := template.Transform(t, sets...)
	for i, transformed := range all[1:] {
		if !reflect.DeepEqual(transformed, all[0]) {
			t.Errorf("the transform gives another template for %v", sets[i+1])
		}
	}
	for i, transformed := range template.Transform(t, template.Parameters{"DeploymentType": "AllAtOnce"}, template.Parameters{"DeploymentType": "Linear10PercentEvery1Minute"}) {
		if dangling := template.NewStack(transformed, choices[0]["IAM"]).Dangling(); len(dangling) > 0 {
			t.Errorf("deployment type %d: %s", i, dangling)
		}
	}
}

// CodeDeploy starts nothing while an alarm of the deployment group rings, and one does when there is a version to leave.
func TestNoAlarmHoldsUpADeploymentAllAtOnce(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{"DeploymentType": "AllAtOnce"}, template.Parameters{})
	for i, row := range []struct {
		parameters template.Parameters
		want       int
	}{
		{template.Parameters{"AuthMode": "IAM", "DeploymentType": "AllAtOnce"}, 0},
		{template.Parameters{"AuthMode": "IAM"}, 2},
	} {
		group := template.NewStack(transformed[i], row.parameters).Resource("FunctionDeploymentGroup")
		alarms, _ := group["AlarmConfiguration"].(map[string]any)["Alarms"].([]any)
		if len(alarms) != row.want {
			t.Errorf("%v: the deployment group has the alarms %v, want %d", row.parameters, alarms, row.want)
		}
	}
}
