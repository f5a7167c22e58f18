package template_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// everything are the parameters of a stack with every part.
var everything = template.Parameters{
	"AuthMode": "JWT", "JwtIssuer": "https://login.example.com", "JwtAudience": "atrip", "DomainName": "a.example.com",
	"CertificateArn": "arn:a", "HostedZoneId": "Z0A", "NetworkMode": "own", "ProbeSchedule": "rate(5 minutes)", "AlarmEmail": "a@example.com",
}

// TestUpdates_Documented changes each parameter of a stack with every part and compares what CloudFormation would change, add and
// replace with docs/operate.md's table.
func TestUpdates_Documented(t *testing.T) {
	t.Parallel()
	// Values for parameters that conditions read, or that count only with others.
	changed := template.Parameters{"AuthMode": "IAM", "NetworkMode": "none", "VpcZones": "1", "DeploymentType": "AllAtOnce",
		"AtlasSecretArn": secret, "EgressAllocationIds": "eipalloc-1,eipalloc-2"}
	with := map[string]template.Parameters{"SubnetIds": {"NetworkMode": "existing"}, "SecurityGroupIds": {"NetworkMode": "existing"}}

	names := slices.Sorted(maps.Keys(template.Make(t, everything)[0].Parameters))
	var both []template.Parameters // of each parameter, before and after its change
	for _, name := range names {
		before := maps.Clone(everything)
		maps.Copy(before, with[name])
		after := maps.Clone(before)
		after[name] = cmp.Or(changed[name], "7")
		both = append(both, before, after)
	}
	stacks := template.Make(t, both...)
	entries := registry(t, stacks...)

	effect := func(before, after map[string]template.Resource) string {
		var replaced []string
		for more := true; more; { // a replaced resource changes what refers to it
			more = false
			for id, old := range before {
				now, stays := after[id]
				if !stays || slices.Contains(replaced, id) {
					continue
				}
				if slices.ContainsFunc(entries[old.Type].CreateOnly, func(name string) bool {
					return !reflect.DeepEqual(old.Properties[name], now.Properties[name]) || refersTo(now.Properties[name], replaced)
				}) {
					replaced, more = append(replaced, id), true
				}
			}
		}
		switch slices.Sort(replaced); {
		case len(replaced) > 0:
			return "replaces `" + strings.Join(replaced, "`, `") + "`"
		case !reflect.DeepEqual(before["Function"], after["Function"]):
			return "new version"
		}
		return "in place"
	}

	text, err := os.ReadFile(filepath.Join(rig.Root(), "docs/operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Changing a parameter")
	table, _, _ = strings.Cut(table, "\n## ")
	documented := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\x60.*?) \| (.*?) \|`).FindAllStringSubmatch(table, -1) {
		for _, name := range regexp.MustCompile(`\w+`).FindAllString(row[1], -1) {
			documented[name] = row[2]
		}
	}
	for i, name := range names {
		if want := effect(stacks[2*i].Resources, stacks[2*i+1].Resources); documented[name] != want {
			t.Errorf("%s: docs/operate.md says %q, it is %q", name, documented[name], want)
		}
	}
}

// refersTo reports whether a property refers to one of the resources.
func refersTo(property any, ids []string) bool {
	text := fmt.Sprint(property)
	return slices.ContainsFunc(ids, func(id string) bool {
		return strings.Contains(text, "Ref:"+id+"]") || strings.Contains(text, "["+id+" ") || strings.Contains(text, "${"+id)
	})
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
	for kind, entry := range registry(t, template.Make(t, everything)...) {
		for _, action := range entry.Permissions {
			service, name, _ := strings.Cut(action, ":")
			if reads := name == "GetSecretValue"; allowed(action) == reads && !slices.Contains(unused, service) {
				t.Errorf("%s needs %s: allowed is %v", kind, action, reads)
			}
		}
	}
}

// registry returns what CloudFormation's registry says of each type of the stacks' resources.
func registry(t *testing.T, stacks ...template.Stack) (entries map[string]struct{ CreateOnly, Permissions []string }) {
	t.Helper()
	kinds := map[string]bool{}
	for _, stack := range stacks {
		for _, resource := range stack.Resources {
			kinds[resource.Type] = true
		}
	}
	template.Python(t, "registry.py", slices.Collect(maps.Keys(kinds)), &entries)
	return entries
}
