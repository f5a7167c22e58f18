package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"

	"atriptoken/policy"
)

const folder = "../../policy"

// runIn runs a command in a folder with these files; an empty text means no file.
func runIn(t *testing.T, command string, files map[string]string) (out string, err error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	err = run([]string{command, dir}, &text)
	return text.String(), err
}

func TestRun_Usage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"print"}, {"matrix", folder, folder}} {
		if err := run(args, nil); err == nil || !strings.HasPrefix(err.Error(), "usage") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestCheck_RepositoryPolicies(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"check", folder}, &out); err != nil || out.String() != "4 policy files are valid\n" {
		t.Errorf("%v %s", err, &out)
	}
}

func TestCheck_Errors(t *testing.T) {
	t.Parallel()
	const good = "@id(\"a\") permit (principal is Service, action, resource);\n"
	out, err := runIn(t, "check", map[string]string{
		"a.cedar": "permit (principal is Service, action, resource)\nwhen { context.roel == \"A\" };",
		"b.cedar": good + good, "c.cedar": strings.Replace(good, "@id(\"a\") ", "", 1), "d.cedar": good, "e.txt": "none",
	})
	for _, want := range []string{"a.cedar:2:16: the context", "b.cedar:2:1: the id \"a\" is taken by the policy in line 1\n    @id(\"a\")"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if strings.Count(out, "has no @id") != 2 || strings.Contains(err.Error(), "has no @id") {
		t.Errorf("warnings %s, errors %v", out, err)
	}
	if _, err := runIn(t, "check", nil); err == nil || !strings.Contains(err.Error(), "holds no .cedar file") {
		t.Error(err)
	}
	if err := run([]string{"check", "none.cedar"}, nil); err == nil || !strings.Contains(err.Error(), "none.cedar: no such file") {
		t.Error(err)
	}
}

// e2e/policy tests prove with Cedar's command line.
func TestProve_WithoutClaims(t *testing.T) {
	t.Parallel()
	_, err := runIn(t, "prove", map[string]string{"p.cedar": "permit"})
	if err == nil || !strings.Contains(err.Error(), "holds no claim") {
		t.Error(err)
	}
}

// Every policy file has cases, every case holds, and a case fails when any one
// policy is removed.
func TestMatrix_RepositoryPolicies(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"matrix", folder}, &out); err != nil || !strings.Contains(out.String(), "operator in two groups") {
		t.Errorf("%v\n%s", err, &out)
	}
	all, _ := policyFiles(folder)
	files, err := readFile(parseCases, folder+"/cases.yaml")
	if err != nil || len(all) < 4 || len(files) != len(all) {
		t.Fatalf("%v, or of %d policy files %d with cases", err, len(all), len(files))
	}
	for _, f := range files {
		list, err := readFile(cedar.NewPolicyListFromBytes, filepath.Join(folder, f.Policy))
		if err != nil {
			t.Fatal(err)
		}
		for i, removed := range list {
			// It decides nothing, and keeps the file from being empty.
			rest := []byte(`@id("nothing") permit(principal is Service, action, resource) when { false };`)
			for _, statement := range slices.Delete(slices.Clone(list), i, i+1) {
				rest = append(rest, statement.MarshalCedar()...)
			}
			rules, err := policy.Parse(f.Policy, rest)
			if err != nil {
				t.Fatal(err)
			}
			if _, unexpected := f.matrix(rules); len(unexpected) == 0 {
				t.Errorf("%s: no case fails without the policy %s", f.Policy, removed.Annotations()["id"])
			}
		}
	}
}

func TestMatrix_Errors(t *testing.T) {
	t.Parallel()
	const (
		head = "files:\n  - policy: p.cedar\n    cases:\n      - who: a service\n        as: amelia\n"
		rest = "        principal: {service: service}\n        deny: [Admin]\n"
		all  = "permit (principal is Service, action, resource);"
		kind = `cases.yaml: p.cedar: "a service": the principal must be one of`
	)
	for _, row := range []struct{ name, cases, policy, want string }{
		{"no table", "", all, "cases.yaml: no such file"},
		{"an empty table", "# none", all, "cases.yaml: holds no cases"},
		{"a misspelt member", head + "        denny: [Admin]\n", all, `cases.yaml:6:9: unknown field "denny"`},
		{"a key twice", head + rest + "        deny: []\n", all, `cases.yaml:8:9: mapping key "deny" already defined`},
		{"not YAML", "files: [", all, "cases.yaml:1:"},
		{"not a time", head + rest + "        at: noon\n", all, `cases.yaml: parsing time "noon"`},
		{"not an address", head + rest + "        from: the office\n", all, `cases.yaml: ParseAddr("the office")`},
		{"no expectation", head + "        principal: {service: service}\n", all, `cases.yaml: p.cedar: "a service" expects nothing`},
		{"no principal", head + "        deny: [Admin]\n", all, kind},
		{"two principals", head + "        deny: [Admin]\n        principal: {service: service, anonymous: true}\n", all, kind},
		{"no policy file", head + rest, "", "p.cedar: no such file"},
		{"a bad policy file", head + rest, "permit", "p.cedar:1:"},
		{"a case that fails", head + rest, all,
			`p.cedar: a service, as amelia, in "Admin": expected denied, is permitted by ["policy0"]`},
	} {
		_, err := runIn(t, "matrix", map[string]string{"cases.yaml": row.cases, "p.cedar": row.policy})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %s", row.name, err, row.want)
		}
	}
}

func TestMatrix_Marks(t *testing.T) {
	t.Parallel()
	out, err := runIn(t, "matrix", map[string]string{
		"cases.yaml": `files:
  - policy: p.cedar
    cases:
      - {who: a service, principal: {service: service}, as: amelia, allow: [Finance, Admin], by: finance}
      - {who: no identity, principal: {anonymous: true}, as: amelia, deny: [Finance], from: 203.0.113.7, at: "2026-03-12T07:00:00Z"}
      - {who: AWS, principal: {aws: "arn:aws:iam::123456789012:user/a"}, as: amelia, allow: [Finance], by: other, account: brand-b}
      - {who: a balancer, principal: {load-balancer: a}, as: amelia, deny: [Admin]}
`,
		"p.cedar": `@id("finance") permit(principal is Service, action, resource) when { context.role == "Finance" };
			@id("aws") permit(principal is AwsPrincipal, action, resource) when { principal.account == "123456789012" };`,
	})
	want := `p.cedar
who          as      when                                       Admin  Finance
a service    amelia                                             no !   yes
no identity  amelia  from 203.0.113.7, at 2026-03-12T07:00:00Z  .      no
AWS          amelia  account brand-b                            .      yes !
a balancer   amelia                                             no     .

`
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two cases fail: %v", err)
	}
}
