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

// Each parameter is in a group, has a description, and refuses what it cannot use.
func TestParameters_Declared(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{})[0]
	groups := fmt.Sprint(stack.Metadata["AWS::CloudFormation::Interface"])
	for name, declared := range stack.Parameters {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(groups) {
			t.Errorf("%s is in no group", name)
		}
		p := declared.(map[string]any)
		if p["Description"] == nil || p["Type"] != "Number" && p["AllowedValues"] == nil && p["AllowedPattern"] == nil {
			t.Errorf("%s has no description, or neither AllowedPattern nor AllowedValues", name)
		}
	}
}

// documented finds a parameter's value as samconfig.toml and the documents write it.
var documented = regexp.MustCompile(`\b([A-Z][A-Za-z]+) = (?:"([^"]*)"|'([^']*)'|(\d+))`)

func TestParameters_Allowed(t *testing.T) {
	t.Parallel()
	declared := template.Make(t, template.Parameters{})[0].Parameters
	for _, row := range []struct {
		name, value string
		want        bool
	}{
		{"AtlasAccounts", `{"b":{"baseUrl":"https://b.example.com","secretArn":"` + secret + `"}}`, true},
		{"PolicyLayerArn", "", true},
		{"PolicyLayerArn", layer, true},
		{"PolicyLayerArn", "atrip-policy", false},
		{"PolicyLayerArn", strings.TrimSuffix(layer, ":3"), false},
		// What SAM CLI 1.170 leaves of a value that is written as Name=value, which it cuts at the first space or quote.
		{"AtlasAccounts", "{", false},
		{"ProbeSchedule", "rate(5", false},
		{"AtlasPortalHosts", "atriptech.com,", false},
	} {
		if allowed(declared[row.name], row.value) != row.want {
			t.Errorf("%s: %q is allowed: %v", row.name, row.value, !row.want)
		}
	}
	found := 0
	for _, file := range strings.Fields(rig.Run(t, "git", "ls-files", "samconfig.toml", "*.md")) {
		text, err := os.ReadFile(filepath.Join(rig.Root(), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range documented.FindAllStringSubmatch(string(text), -1) {
			if name, value := row[1], row[2]+row[3]+row[4]; declared[name] != nil {
				if found++; !allowed(declared[name], value) {
					t.Errorf("%s: %s = %q is refused", file, name, value)
				}
			}
		}
	}
	if found < 13 {
		t.Errorf("only %d values are documented", found)
	}
}

// allowed reports whether the parameter's AllowedPattern matches a value, or each member of a list.
func allowed(parameter any, value string) bool {
	p := parameter.(map[string]any)
	pattern, given := p["AllowedPattern"].(string)
	values := []string{value}
	if p["Type"] == "CommaDelimitedList" {
		values = strings.Split(value, ",")
	}
	whole := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	return !given || !slices.ContainsFunc(values, func(v string) bool { return !whole.MatchString(v) })
}
