package template_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// TestUpdates_Documented changes each parameter of a stack with every part and compares what CloudFormation would change, add and
// replace with docs/operate.md's table.
func TestUpdates_Documented(t *testing.T) {
	t.Parallel()
	base := template.Parameters{
		"AuthMode": "JWT", "JwtIssuer": "https://login.example.com", "JwtAudience": "atrip", "DomainName": "a.example.com",
		"CertificateArn": "arn:a", "HostedZoneId": "Z0A", "NetworkMode": "own", "ProbeSchedule": "rate(5 minutes)", "AlarmEmail": "a@example.com",
	}
	// Values for parameters that conditions read, or that count only with others.
	changed := template.Parameters{"AuthMode": "IAM", "NetworkMode": "none", "VpcZones": "1", "DeploymentType": "AllAtOnce",
		"EgressAllocationIds": "eipalloc-1,eipalloc-2"}
	with := map[string]template.Parameters{"SubnetIds": {"NetworkMode": "existing"}, "SecurityGroupIds": {"NetworkMode": "existing"}}

	transformed := template.Transform(t, template.Parameters{"DeploymentType": "Canary10Percent5Minutes"})
	kinds := kinds(transformed)
	entries := registry(t, slices.Collect(maps.Values(kinds)))

	effect := func(parameter string) string {
		parameters := maps.Clone(base)
		maps.Copy(parameters, with[parameter])
		before := template.NewStack(transformed, parameters)
		parameters = maps.Clone(parameters)
		parameters[parameter] = "7"
		if value, ok := changed[parameter]; ok {
			parameters[parameter] = value
		}
		after := template.NewStack(transformed, parameters)
		var replaced []string
		for more := true; more; { // a replaced resource changes what refers to it
			more = false
			for id, kind := range kinds {
				if slices.Contains(replaced, id) || !before.Has(id) || !after.Has(id) {
					continue
				}
				old, properties := before.Resource(id), after.Resource(id)
				if slices.ContainsFunc(entries[kind].CreateOnly, func(name string) bool {
					return !reflect.DeepEqual(old[name], properties[name]) || refersTo(properties[name], replaced)
				}) {
					replaced, more = append(replaced, id), true
				}
			}
		}
		switch slices.Sort(replaced); {
		case len(replaced) > 0:
			return "replaces `" + strings.Join(replaced, "`, `") + "`"
		case !reflect.DeepEqual(before.Resource("Function"), after.Resource("Function")):
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
	for parameter := range transformed["Parameters"].(map[string]any) {
		if want := effect(parameter); documented[parameter] != want {
			t.Errorf("%s: docs/operate.md says %q, it is %q", parameter, documented[parameter], want)
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
