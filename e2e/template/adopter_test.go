package template_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// The second stack uses the replica of the first one's secret. .cfnlintrc.yaml lints the template for both Regions.
func TestTwoRegions(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})
	const reader = "arn:aws:iam::123456789012:role/broker-west-FunctionRole-*"
	replica := strings.Replace(secret, "eu-west-1", "eu-central-1", 1)
	first := template.NewStack(transformed, template.Parameters{"SecretReaderArns": reader})
	second := template.NewStack(transformed, template.Parameters{"AtlasSecretArn": replica})
	allowed := fmt.Sprint(first.Resource("AtlasSecretPolicy"))
	if !strings.Contains(allowed, reader) || !strings.Contains(allowed, "FunctionRole Arn") {
		t.Errorf("the first stack's secret is read by %s", allowed)
	}
	if role := fmt.Sprint(second.Resource("FunctionRole")["Policies"]); second.Has("AtlasSecret") || !strings.Contains(role, replica) {
		t.Errorf("the second stack's function reads %s", role)
	}
	if name := fmt.Sprint(first.Resource("Dashboard")["DashboardName"]); !strings.Contains(name, "${AWS::Region}") {
		t.Errorf("both dashboards have the name %s", name)
	}
}

// While AtlasSecretArn changes, AtlasAccountSecretArns also holds the old secret, for the version that the canary replaces.
func TestSecondAccount(t *testing.T) {
	t.Parallel()
	const accounts = `{"brand-b":{"baseUrl":"https://brand-b.example.com","secretArn":"` + secret + `"}}`
	stack := template.NewStack(template.Transform(t, template.Parameters{}), template.Parameters{
		"AtlasAccounts": accounts, "AtlasAccountSecretArns": secret, "AtlasSecretArn": secret + "2",
	})
	if broken := stack.Broken(); slices.ContainsFunc(broken, func(text string) bool { return strings.Contains(text, "Account") }) {
		t.Errorf("refused: %q", broken)
	}
	variables := stack.Resource("Function")["Environment"].(map[string]any)["Variables"].(map[string]any)
	policies := fmt.Sprint(stack.Resource("FunctionRole")["Policies"])
	if variables["ATRIP_ACCOUNTS"] != accounts || !strings.Contains(policies, secret+"]") || !strings.Contains(policies, secret+"2") {
		t.Errorf("accounts %v, role %s", variables["ATRIP_ACCOUNTS"], policies)
	}
}

// docs/examples/deployer.json allows what CloudFormation needs for the template's resources, but not to read the secret.
func TestDeployer_Permissions(t *testing.T) {
	t.Parallel()
	var policy struct{ Statement []struct{ Action []string } }
	text, err := os.ReadFile(filepath.Join(rig.Root(), "docs/examples/deployer.json"))
	if err == nil {
		err = json.Unmarshal(text, &policy)
	}
	if err != nil {
		t.Fatal(err)
	}
	allowed := func(action string) bool {
		for _, statement := range policy.Statement {
			if slices.ContainsFunc(statement.Action, func(pattern string) bool { ok, _ := path.Match(pattern, action); return ok }) {
				return true
			}
		}
		return false
	}
	// Of file systems, delivery streams and generated secrets, which the template does not use.
	unused := []string{"elasticfilesystem", "s3files", "firehose"}
	for kind, entry := range registry(t, slices.Collect(maps.Values(kinds(template.Transform(t, template.Parameters{}))))) {
		for _, action := range entry.Permissions {
			service, name, _ := strings.Cut(action, ":")
			if reads := name == "GetSecretValue"; allowed(action) == reads && !slices.Contains(unused, service) {
				t.Errorf("%s needs %s: allowed is %v", kind, action, reads)
			}
		}
	}
}

// kinds returns the type of each resource.
func kinds(transformed template.Template) map[string]string {
	kinds := map[string]string{}
	for id, resource := range transformed.Resources() {
		kinds[id] = resource.(map[string]any)["Type"].(string)
	}
	return kinds
}

// registered is what CloudFormation's registry says of a resource type.
type registered struct{ CreateOnly, Permissions []string }

func registry(t *testing.T, kinds []string) (entries map[string]registered) {
	t.Helper()
	template.Python(t, "registry.py", kinds, &entries)
	return entries
}
