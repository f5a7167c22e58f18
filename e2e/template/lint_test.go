package template_test

import (
	"path/filepath"
	"slices"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// The template gives the reason for each skipped rule.
func TestTemplate_Linters(t *testing.T) {
	t.Parallel()
	rig.Run(t, rig.Tool(t, "sam"), "validate", "--lint")
	rig.Run(t, rig.Tool(t, "cfn-lint")) // .cfnlintrc.yaml names the template and the rules
	rig.Run(t, filepath.Join(rig.Root(), ".tools/checkov/bin/checkov"), "--file", "template.yaml", "--framework", "cloudformation",
		"--skip-download", "--compact", "--quiet")
}

// Every pair of values of the parameters that conditions read is in a stack that SAM transforms and cfn-lint accepts, unless the
// template's Rules refuse it.
func TestPairs_TransformAndLint(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/example"
	input := map[string]any{
		"values": map[string][]string{
			"AuthMode": {"JWT", "IAM"}, "JwtScopes": {"", "atrip"}, "PolicyLayerArn": {"", layer}, "CorsOrigins": {"", "https://a.example.com"},
			"DomainName": {"", "a.example.com"}, "HostedZoneId": {"", "Z0EXAMPLE"},
			"AtlasSecretArn": {"", secret}, "AtlasAccountSecretArns": {"", secret}, "SecretKmsKeyArn": {"", key},
			"SecretReaderArns": {"", role}, "SecretAdminArns": {"", role}, "PermissionsBoundaryArn": {"", "arn:aws:iam::aws:policy/example"},
			"ReservedConcurrency": {"-1", "5"}, "ProvisionedConcurrency": {"0", "5"}, "DeploymentType": {"AllAtOnce",
				"Canary10Percent5Minutes", "Canary10Percent10Minutes", "Canary10Percent15Minutes", "Canary10Percent30Minutes",
				"Linear10PercentEvery1Minute", "Linear10PercentEvery3Minutes"},
			"NetworkMode": {"none", "existing", "own"}, "VpcZones": {"1", "2"}, "EgressIps": {"", "192.0.2.1"},
			"EgressAllocationIds": {"", "eipalloc-0123456789abcdef0,eipalloc-0123456789abcdef1"},
			"OperationsKmsKeyArn": {"", key}, "AlarmTopicArn": {"", "arn:aws:sns:eu-west-1:123456789012:oncall"},
			"AlarmEmail": {"", "oncall@example.com"}, "ProbeSchedule": {"", "rate(5 minutes)"}, "ProbeClientSecretArn": {"", secret},
		},
		"others": template.Parameters{"JwtIssuer": "https://login.example.com", "JwtAudience": "atrip", "PolicyFile": "/opt/mine.cedar",
			"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/0e1f2a3b", "SubnetIds": "subnet-0123456789abcdef0",
			"SecurityGroupIds": "sg-0123456789abcdef0"},
	}
	var result struct {
		Stacks, Pairs    int
		Refused, Untried []string
		Findings         map[string]template.Parameters
	}
	template.Python(t, "pairs.py", input, &result, filepath.Join(rig.Root(), "template.yaml"))
	t.Logf("%d stacks with %d pairs", result.Stacks, result.Pairs)
	for finding, parameters := range result.Findings {
		t.Errorf("%s\nwith %v", finding, parameters)
	}
	want := []string{
		"AlarmEmail=oncall@example.com AlarmTopicArn=arn:aws:sns:eu-west-1:123456789012:oncall",
		"DomainName= HostedZoneId=Z0EXAMPLE",
		"EgressAllocationIds=eipalloc-0123456789abcdef0,eipalloc-0123456789abcdef1 EgressIps=",
		"EgressAllocationIds=eipalloc-0123456789abcdef0,eipalloc-0123456789abcdef1 NetworkMode=existing",
		"EgressAllocationIds=eipalloc-0123456789abcdef0,eipalloc-0123456789abcdef1 NetworkMode=none",
		"ProbeClientSecretArn=" + secret + " ProbeSchedule=",
	}
	if !slices.Equal(result.Refused, want) || len(result.Untried) > 0 {
		t.Errorf("the Rules refuse %q, want %q; conditions also read %q", result.Refused, want, result.Untried)
	}
}
