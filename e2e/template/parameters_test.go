package template_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
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
	declared := template.Transform(t, template.Parameters{})["Parameters"].(map[string]any)
	sent := []any{
		map[string]string{"AtlasRoles": "Customer service,Finance"},
		map[string]string{"ProvisionedFrom": "cron(45 7 ? * MON-FRI *)"},
		map[string]string{"AtlasAccounts": `{"second":{"baseUrl":"https://b.example.com","secretArn":"` + secret + `"}}`},
	}
	want := slices.Clone(sent)
	files := []string{"samconfig.toml", "README.md", "web/README.md", "docs/examples/README.md"}
	pages, err := filepath.Glob(filepath.Join(rig.Root(), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		files = append(files, "docs/"+filepath.Base(page))
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(rig.Root(), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range documented.FindAllStringSubmatch(string(text), -1) {
			name, value, old := found[1], found[2]+found[3]+found[4], found[5] != ""
			if old {
				name, value, _ = strings.Cut(found[5], "=")
			}
			if declared[name] == nil {
				continue
			}
			want = append(want, map[string]string{name: value})
			if old {
				sent = append(sent, found[5])
			} else {
				sent = append(sent, map[string]string{name: value})
			}
		}
	}
	if len(sent) < 15 {
		t.Fatalf("only %d values are documented", len(sent))
	}
	for i, parsed := range parse(t, sent) {
		if !maps.Equal(parsed, want[i].(map[string]string)) {
			t.Errorf("SAM CLI reads %v as %v", sent[i], parsed)
		}
		for name, value := range parsed {
			if parameter := declared[name].(map[string]any); !allowed(t, parameter, value) {
				t.Errorf("%s: %q does not match %v", name, value, parameter["AllowedPattern"])
			}
		}
	}
}

// TestParameters_CutValues checks that no stack is made with what SAM CLI leaves of a value in its older form.
func TestParameters_CutValues(t *testing.T) {
	t.Parallel()
	declared := template.Transform(t, template.Parameters{})["Parameters"].(map[string]any)
	for name, value := range map[string]string{
		"AtlasAccounts":    `{"second":{"baseUrl":"https://b.example.com"}}`,
		"ProvisionedFrom":  "cron(45 7 ? * MON-FRI *)",
		"ProvisionedUntil": "cron(0 19 ? * MON-FRI *)",
		"ProbeSchedule":    "rate(5 minutes)",
		"AtlasPortalHosts": "atriptech.com, *.atriptech.com",
	} {
		if !allowed(t, declared[name].(map[string]any), value) {
			t.Errorf("%s: %s is refused", name, value)
		}
		if cut := parse(t, []any{name + "=" + value})[0][name]; cut == value || allowed(t, declared[name].(map[string]any), cut) {
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
func allowed(t *testing.T, parameter map[string]any, value string) bool {
	t.Helper()
	pattern, _ := parameter["AllowedPattern"].(string)
	whole, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		t.Fatal(err)
	}
	values := []string{value}
	if parameter["Type"] == "CommaDelimitedList" {
		values = strings.Split(value, ",")
	}
	return pattern == "" || !slices.ContainsFunc(values, func(v string) bool { return !whole.MatchString(v) })
}

// parse returns what SAM CLI reads of each.
func parse(t *testing.T, overrides []any) (parsed []map[string]string) {
	t.Helper()
	input, err := json.Marshal(overrides)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), rig.Tool(t, "python"), filepath.Join(rig.Root(), "e2e/template/parse.py"))
	command.Stdin = strings.NewReader(string(input))
	output, err := command.Output()
	if err != nil {
		t.Fatalf("SAM CLI's parser: %v", err)
	}
	if err := json.Unmarshal(output, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}
