package template_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// documented finds a parameter's value as samconfig.toml and the documents write it, Name = "value", and in SAM CLI's older
// form, Name=value.
var documented = regexp.MustCompile(`\b([A-Z][A-Za-z]+) = (?:"([^"]*)"|'([^']*)'|(\d+))|[\x60"]([A-Z][A-Za-z]+=[^\x60"=]+)[\x60"]`)

// TestParameters_Documented sends every documented value through SAM CLI's parser, and some with what the parser splits at.
func TestParameters_Documented(t *testing.T) {
	t.Parallel()
	declared := template.Make(t, template.Parameters{})[0].Parameters
	type values = map[string]string
	want := []values{
		{"AtlasRoles": "Customer service,Finance"},
		{"AtlasAccounts": `{"second":{"baseUrl":"https://b.example.com","secretArn":"` + secret + `"}}`},
	}
	sent := []any{want[0], want[1]}
	for _, file := range strings.Fields(rig.Run(t, "git", "ls-files", "samconfig.toml", "*.md")) {
		text, err := os.ReadFile(filepath.Join(rig.Root(), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range documented.FindAllStringSubmatch(string(text), -1) {
			name, value, old := strings.Cut(found[5], "=")
			if !old {
				name, value = found[1], found[2]+found[3]+found[4]
			}
			if declared[name] == nil {
				continue
			}
			want = append(want, values{name: value})
			if old {
				sent = append(sent, found[5])
			} else {
				sent = append(sent, values{name: value})
			}
		}
	}
	if len(sent) < 15 {
		t.Fatalf("only %d values are documented", len(sent))
	}
	for i, parsed := range parse(t, sent...) {
		for name, value := range want[i] {
			if parsed[name] != value {
				t.Errorf("SAM CLI reads %v as %v", sent[i], parsed)
			}
			if !allowed(t, declared[name], value) {
				t.Errorf("%s: %q is refused", name, value)
			}
		}
	}
}

// TestParameters_CutValues checks that no stack is made with what SAM CLI leaves of a value in its older form.
func TestParameters_CutValues(t *testing.T) {
	t.Parallel()
	declared := template.Make(t, template.Parameters{})[0].Parameters
	for name, value := range map[string]string{
		"AtlasAccounts":    `{"second":{"baseUrl":"https://b.example.com"}}`,
		"ProbeSchedule":    "rate(5 minutes)",
		"AtlasPortalHosts": "atriptech.com, *.atriptech.com",
	} {
		if cut := parse(t, name+"="+value)[0][name]; cut == value || allowed(t, declared[name], cut) {
			t.Errorf("%s: what is left of %s, %s, is accepted", name, value, cut)
		}
	}
	for name, parameter := range declared {
		p := parameter.(map[string]any)
		if p["Type"] != "Number" && p["AllowedValues"] == nil && p["AllowedPattern"] == nil {
			t.Errorf("%s has neither AllowedPattern nor AllowedValues", name)
		}
	}
}

// allowed reports whether the parameter's AllowedPattern matches a value, or each member of a list.
func allowed(t *testing.T, parameter any, value string) bool {
	t.Helper()
	p := parameter.(map[string]any)
	pattern, given := p["AllowedPattern"].(string)
	values := []string{value}
	if p["Type"] == "CommaDelimitedList" {
		values = strings.Split(value, ",")
	}
	whole := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	return !given || !slices.ContainsFunc(values, func(v string) bool { return !whole.MatchString(v) })
}

// parse returns what SAM CLI reads of each.
func parse(t *testing.T, overrides ...any) (parsed []map[string]string) {
	t.Helper()
	template.Python(t, "parse.py", overrides, &parsed)
	return parsed
}
