package policycheck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"

	"atriptoken/policy"
	"atriptoken/policy/policycheck"
)

const folder = ".."

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func schema(t testing.TB) *policycheck.Schema {
	t.Helper()
	s, err := policycheck.ParseSchema("schema.cedarschema", read(t, "schema.cedarschema"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func table(t testing.TB) *policycheck.Table {
	t.Helper()
	cases, err := policycheck.ParseTable("cases.yaml", read(t, "cases.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// policies/cases.yaml is the reviewer's table; here every row of it has to hold.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, f := range table(t).Files {
		rules, err := policy.Parse(f.Policy, read(t, f.Policy))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Run(rules) {
			if !r.OK() {
				t.Errorf("%s: %s", f.Policy, r)
			}
		}
	}
}

// A policy that could be taken out without a case noticing is not covered.
func TestCases_NoticeEveryPolicyThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, f := range table(t).Files {
		list, err := cedar.NewPolicyListFromBytes(f.Policy, read(t, f.Policy))
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			var rest strings.Builder
			// Keeps the file from being empty, and decides nothing.
			rest.WriteString("@id(\"nothing\") permit(principal is Service, action, resource) when { false };\n")
			for j, statement := range list {
				if j != i {
					rest.Write(statement.MarshalCedar())
					rest.WriteString("\n")
				}
			}
			rules, err := policy.Parse(f.Policy, []byte(rest.String()))
			if err != nil {
				t.Fatal(err)
			}
			failed := false
			for _, r := range f.Run(rules) {
				failed = failed || !r.OK()
			}
			if !failed {
				t.Errorf("%s: no case fails without the policy %s", f.Policy, list[i].Annotations()["id"])
			}
		}
	}
}

// Every policy in the folder is valid, and has cases.
func TestPolicies_AreValidAndHaveCases(t *testing.T) {
	t.Parallel()
	s, cases := schema(t), table(t)
	var files []string
	for _, pattern := range []string{"*.cedar", "examples/*.cedar"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 4 {
		t.Fatalf("only %v", files)
	}
	for _, file := range files {
		name, err := filepath.Rel(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(name, read(t, name)); err != nil {
			t.Error(err)
		}
		has := false
		for _, f := range cases.Files {
			has = has || f.Policy == filepath.ToSlash(name) && len(f.Cases) > 0
		}
		if !has {
			t.Errorf("%s has no cases in cases.yaml", name)
		}
	}
}

func TestValidate_SaysWhereAndWhat(t *testing.T) {
	t.Parallel()
	const head = "// a comment\n\n  permit (principal is Operator, action == Action::\"openPortal\", resource is Order)\n  when { "
	s := schema(t)
	for _, row := range []struct{ name, text, want string }{
		{"a syntax error", "permit (principal is Operator, action, resource)", "p.cedar:1:49: is not a Cedar policy"},
		{"an unknown attribute", head + "principal.group.contains(\"x\") };", "p.cedar:3:3: "},
		{"an unknown context member", head + "context.roel == \"Finance\" };", "p.cedar:3:3: "},
		{"an optional member without has", head + "context.sourceIp.isLoopback() };", "p.cedar:3:3: "},
		{"a tag without hasTag", head + "principal.getTag(\"amr\").contains(\"mfa\") };", "p.cedar:3:3: "},
		{"a number for a text", head + "context.role == 1 };", "p.cedar:3:3: "},
		{"an unknown entity type", "permit (principal is Operater, action, resource);", "p.cedar:1:1: "},
		{"an unknown action", "permit (principal is Operator, action == Action::\"openportal\", resource);", "p.cedar:1:1: "},
		{"a resource for a principal", "permit (principal is Order, action, resource);", "p.cedar:1:1: "},
		{"an id twice", "@id(\"a\") permit (principal is Service, action, resource);\n@id(\"a\") permit (principal is Operator, action, resource);", "p.cedar:2:1: the id \"a\""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := s.Validate("p.cedar", []byte(row.text))
			if err == nil || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("%v, want %s…", err, row.want)
			}
		})
	}
	two := s.Validate("p.cedar", []byte("permit (principal is A, action, resource);\npermit (principal is B, action, resource);"))
	if two == nil || !strings.Contains(two.Error(), "p.cedar:1:1:") || !strings.Contains(two.Error(), "p.cedar:2:1:") {
		t.Errorf("not every policy's error is named: %v", two)
	}
}

func TestParseSchema_SaysWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"entity Operator = {\n  \"name\" String,\n};": "s.cedarschema:2:",
		"entity Operator = { \"name\": Strin };":      "s.cedarschema",
	} {
		if _, err := policycheck.ParseSchema("s.cedarschema", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestParseTable_TakesNothingForGranted(t *testing.T) {
	t.Parallel()
	const head = "files:\n  - policy: p.cedar\n    cases:\n      - who: somebody\n        as: amelia\n"
	for _, row := range []struct{ name, text, want string }{
		{"nothing", "", "holds no cases"},
		{"a misspelt member", head + "        principal: {service: service}\n        denny: [Admin]\n", "line 7: field denny not found"},
		{"no expectation", head + "        principal: {service: service}\n", "expects nothing"},
		{"no principal", head + "        deny: [Admin]\n", "the principal has to be one of"},
		{"two principals", head + "        principal: {service: service, anonymous: true}\n        deny: [Admin]\n", "the principal has to be one of"},
		{"a time that is none", head + "        principal: {service: service}\n        deny: [Admin]\n        at: noon\n", "noon"},
		{"an address that is none", head + "        principal: {service: service}\n        deny: [Admin]\n        from: the office\n", "the office"},
		{"a key twice", head + "        principal: {service: service}\n        deny: [Admin]\n        deny: []\n", "already defined"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := policycheck.ParseTable("cases.yaml", []byte(row.text)); err == nil || !strings.HasPrefix(err.Error(), "cases.yaml: ") || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
}

func TestWriteMatrix_MarksWhatIsNotAsExpected(t *testing.T) {
	t.Parallel()
	cases, err := policycheck.ParseTable("cases.yaml", []byte(`files:
  - policy: p.cedar
    cases:
      - {who: a service, principal: {service: service}, as: amelia, allow: [Finance, Admin], by: finance}
      - {who: nobody, principal: {anonymous: true}, as: amelia, deny: [Finance], from: 203.0.113.7}
      - {who: AWS, principal: {aws: "arn:aws:iam::123456789012:user/a"}, as: amelia, allow: [Finance], by: other}
`))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Parse("p.cedar", []byte(`@id("finance") permit(principal is Service, action, resource) when { context.role == "Finance" };
		@id("aws") permit(principal is AwsPrincipal, action, resource) when { principal.account == "123456789012" };`))
	if err != nil {
		t.Fatal(err)
	}
	f := cases.Files[0]
	results := f.Run(rules)
	var out strings.Builder
	if err := policycheck.WriteMatrix(&out, f, results); err != nil {
		t.Fatal(err)
	}
	want := `p.cedar
who        as      when              Admin  Finance
a service  amelia                    no !   yes
nobody     amelia  from 203.0.113.7  .      no
AWS        amelia                    .      yes !
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if got := results[1].String(); got != `a service, as amelia, in "Admin": expected permitted, is denied by []` {
		t.Error(got)
	}
}
