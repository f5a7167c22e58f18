package template_test

import (
	"cmp"
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
