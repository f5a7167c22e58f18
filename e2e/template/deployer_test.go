package template_test

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

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
	for kind, entry := range registry(t, template.Make(t, everything)...) {
		for _, action := range entry.Permissions {
			service, name, _ := strings.Cut(action, ":")
			if reads := name == "GetSecretValue"; allowed(action) == reads && !slices.Contains(unused, service) {
				t.Errorf("%s needs %s: allowed is %v", kind, action, reads)
			}
		}
	}
}

// registered is what CloudFormation's registry says of a resource type.
type registered struct{ CreateOnly, Permissions []string }

// registry returns what it says of each type of the stacks' resources.
func registry(t *testing.T, stacks ...template.Stack) (entries map[string]registered) {
	t.Helper()
	kinds := map[string]bool{}
	for _, stack := range stacks {
		for _, resource := range stack.Resources {
			kinds[resource.Type] = true
		}
	}
	template.Python(t, "registry.py", kinds, &entries)
	return entries
}
