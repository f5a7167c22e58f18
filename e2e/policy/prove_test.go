// Package policy_test holds the policies to Cedar's own implementation: it
// proves the claims in policy/claims, and compares cedar-go with it.
package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// cedar is Cedar's command line, as make tools installs it.
var cedar = filepath.Join(rig.Root(), ".tools/bin/cedar")

func prove(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	stdout, stderr, err := rig.Output(t, []string{"CEDAR=" + cedar}, "go", append([]string{"run", "./cmd/policy", "prove"}, args...)...)
	return stdout + stderr, err
}

func TestProve_RepositoryPolicies(t *testing.T) {
	t.Parallel()
	out, err := prove(t)
	if err != nil || strings.Count(out, "no policy ever errs") != 4 || strings.Count(out, "proved") < 40 {
		t.Errorf("%v\n%s", err, out)
	}
}

// An edit of a policy or of a claim that makes the claim false is reported with
// the request that disproves it.
func TestProve_FalseClaims(t *testing.T) {
	t.Parallel()
	const deflt = "default.cedar"
	for _, row := range []struct{ name, file, old, new, want string }{
		{"an operator names another", deflt, "context.userName == principal.name &&", "",
			`"an operator is only ever themselves" fails for Operator:`},
		{"an operator names another that starts with their name", deflt, "context.userName == principal.name", `context.userName like "a*"`,
			`"an operator is only ever themselves" fails for Operator:`},
		{"a role without its group", deflt, `principal.groups.contains("atrip-finance")`, "!principal.groups.isEmpty()",
			`"a role needs its group" fails for Operator:`},
		{"a role that the claim does not know", deflt, `context.role == "Admin" &&`, `context.role != "Finance" &&`,
			`"a role needs its group" fails for Operator:`},
		{"a caller without an identity", deflt, "principal is Service", "principal",
			`"no anonymous caller gets anything" fails for Anonymous:`},
		{"another account for a service", deflt, `context.account == "default"`, `context.account == "default" || principal is Service`,
			`"an account that is not named is closed to every caller" fails for Service:`},
		{"a policy that errs", deflt, "context.userName == principal.name",
			`context.now.offset(duration("1h")) > datetime("2026-01-01") && context.userName == principal.name`,
			`"no policy ever errs" fails for Operator:`},
		{"an edited claim", "claims/role-needs-its-group.cedar", `principal.groups.contains("atrip-finance")`,
			`principal.groups.contains("finance")`, `"a role needs its group" fails for Operator:`},
		{"a new claim", "claims/default/new.cedar", "",
			`@claim("no load balancer, no service")
				permit (principal, action, resource) unless { principal is LoadBalancer || principal is Service };`,
			`"no load balancer, no service" fails for Service:`},
		{"a claim that does not fit the schema", "claims/no-anonymous-caller.cedar", "Anonymous", "Nobody", "no verdict"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(filepath.Join(rig.Root(), "policy"))); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(folder, row.file)
			text, err := os.ReadFile(file)
			if row.old != "" && !strings.Contains(string(text), row.old) {
				t.Fatalf("%s does not hold %s: %v", row.file, row.old, err)
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(text), row.old, row.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := prove(t, folder, filepath.Join(folder, deflt))
			if err == nil || !strings.Contains(out, row.want) {
				t.Errorf("%v, want %s\n%s", err, row.want, out)
			}
			if strings.Contains(row.want, "fails for") && !strings.Contains(out, "Counterexample found:\nprincipal: ") {
				t.Errorf("no counterexample:\n%s", out)
			}
		})
	}
}
