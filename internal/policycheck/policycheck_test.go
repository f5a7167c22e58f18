package policycheck_test

import (
	"fmt"
	"strings"
	"testing"

	"atriptoken/internal/policycheck"
	"atriptoken/policy"
)

const (
	// head has 81 characters, so that a condition begins in column 82.
	head = `@id("a") permit (principal is Operator, action, resource is Order)               `
	kind = "; expected AwsPrincipal, LoadBalancer, Operator, Order, Anonymous, Service"
)

func TestCheck_Problems(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text string
		want []string // every problem, in the file's order
	}{
		{head + `when { context.role == "Owner" && principal.groups.contains("0000-00c5") };`, nil},
		{`permit (principal is Operator, action, resource)`, []string{"1:49: expected `;`, found the end of the file"}},
		{head + `when { principal.group.contains("x") }; // principal.group`,
			[]string{"1:99: Operator has no attribute `group`; expected groups, issuer, name"}},
		{head + "// context.roel\nwhen { context.role == \"context.roel\" || /* context.roel */ context.roel == \"a;b\" };",
			[]string{"2:69: the context has no `roel`; expected account, door, now, role, sourceIp, userName"}},
		{head + `when { context has sourceIp && context.sourceIp.isLoopback() || context.sourceIp.isLoopback() };`,
			[]string{"1:154: `sourceIp` may be absent; write `context has sourceIp &&` before it"}},
		{head + `when { principal.getTag("amr").contains("mfa") };`,
			[]string{"1:106: the claim `\"amr\"` may be absent; write `principal.hasTag(\"amr\") &&` before it"}},
		{head + `when { context.role != "A" && !(context.role == 1) } unless { if context.door == ";" then 1 == context.role else false };`,
			[]string{"1:114: the types Long and String are not compatible", "1:144: the types Long and String are not compatible"}},
		{head + `when { context.role.contains("a") };`, []string{"1:89: expected Set<any>, found String"}},
		{head + `when { context.role };`, []string{"1:89: expected Bool, found String"}},
		{head + `when { ip("10.0.0.300").isLoopback() };`, []string{"1:92: `\"10.0.0.300\"` cannot be read as IP address"}},
		{head + `when { principal is Operater };`, []string{"1:102: there is no entity type `Operater`" + kind}},
		{head + `when { principal in [Anonymous::"", Anonymous::"a"] };`,
			[]string{`1:118: Anonymous::"a" never occurs; expected one of [Anonymous::""]`}},
		{`@id("a") permit (principal is Operater, action == Action::"openportal", resource);`,
			[]string{"1:31: there is no entity type `Operater`" + kind,
				"1:51: there is no action `Action::\"openportal\"`; expected Action::\"openPortal\""}},
		{`@id("a") permit (principal is Order, action, resource);`, []string{"1:18: no request has such a `principal` and resource"}},
		{`@id("a") permit (principal is Anonymous, action, resource);`, nil},
		{`@id("a") forbid (principal, action, resource) when { principal.groups.contains("a") };`,
			[]string{"1:64: Anonymous has no attribute `groups`"}},
		{"@id(\"atrip-finances\") forbid (principal, action, resource);\nforbid (principal, action, resource);",
			[]string{"2:1: warning: this policy has no @id; the audit line will call it policy1"}},
		{head + `when { ["Finance", "Finanse", "Financial", "finance", "customer Service", "Finan", "Finance 1"].contains(context.role) };`,
			[]string{
				`1:101: warning: "Finanse" differs by one letter from "Finance" of the default policy`,
				`1:125: warning: "finance" differs by one letter from "Finance" of the default policy`,
				`1:136: warning: "customer Service" differs by one letter from "Customer service" of the default policy`}},
		{head + `when { principal.groups.contains("atrip-finances") };` + "\nforbid (principal, action, resource);", []string{
			`1:115: warning: "atrip-finances" differs by one letter from "atrip-finance" of the default policy`,
			"2:1: warning: this policy has no @id; the audit line will call it policy1"}},
	} {
		var got []string
		for _, problem := range policycheck.Check("p.cedar", []byte(row.text)) {
			got = append(got, strings.TrimPrefix(problem.Error(), "p.cedar:"))
		}
		if fmt.Sprint(got) != fmt.Sprint(row.want) {
			t.Errorf("%s\ngot  %s\nwant %s", row.text, strings.Join(got, "\n     "), strings.Join(row.want, "\n     "))
		}
	}
}

// Every beginning of a policy file is a file with a problem that has a place.
func TestCheck_UnfinishedFile(t *testing.T) {
	t.Parallel()
	for end := range policy.Default {
		for _, problem := range policycheck.Check("p.cedar", policy.Default[:end]) {
			if excerpt := problem.Excerpt(); !strings.HasPrefix(excerpt, "p.cedar:") || strings.Count(excerpt, "\n") != 2 {
				t.Errorf("%d: %s", end, excerpt)
			}
		}
	}
}
