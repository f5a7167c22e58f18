package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun_OnTheRepositorysPolicies(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"check", "../../policy"}, &out); err != nil || out.String() != "4 policy files are valid\n" {
		t.Errorf("check: %v %s", err, &out)
	}
	out.Reset()
	if err := run([]string{"matrix", "../../policy"}, &out); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"default.cedar", "examples/restricted.cedar", "operator in two groups"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the matrix does not hold %q", want)
		}
	}
	if strings.Contains(out.String(), "!") {
		t.Errorf("the matrix marks a case:\n%s", &out)
	}
}

func TestRun_FailsOnWhatIsWrong(t *testing.T) {
	t.Parallel()
	write := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	schema, err := os.ReadFile("../../policy/schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	const table = "files: [{policy: p.cedar, cases: [{who: s, principal: {service: service}, as: a, deny: [Admin]}]}]"
	for _, row := range []struct {
		name, command string
		files         map[string]string
		want          string
	}{
		{"no command", "", nil, "usage"},
		{"another command", "print", nil, "usage"},
		{"no schema", "check", nil, "schema.cedarschema"},
		{"a bad schema", "check", map[string]string{"schema.cedarschema": "entity"}, "schema.cedarschema:1:"},
		{"no policy", "check", map[string]string{"schema.cedarschema": string(schema)}, "holds no .cedar file"},
		{"a bad policy", "check", map[string]string{"schema.cedarschema": string(schema), "p.cedar": "permit (principal is X, action, resource);"}, "p.cedar:1:1: "},
		{"no cases", "matrix", nil, "cases.yaml"},
		{"bad cases", "matrix", map[string]string{"cases.yaml": "file: []"}, "cases.yaml: "},
		{"a case about no file", "matrix", map[string]string{"cases.yaml": table}, "p.cedar"},
		{"a case about a bad file", "matrix", map[string]string{"cases.yaml": table, "p.cedar": "permit"}, "p.cedar:1:"},
		{"a case that does not hold", "matrix", map[string]string{"cases.yaml": table, "p.cedar": "permit (principal is Service, action, resource);"},
			`p.cedar: s, as a, in "Admin": expected denied, is permitted by ["policy0"]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			args := []string{row.command, write(row.files)}
			if row.command == "" {
				args = nil
			}
			var out strings.Builder
			if err := run(args, &out); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
}
