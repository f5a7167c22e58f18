package function_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/internal/function"
)

// good returns the required variables.
func good() map[string]string {
	return map[string]string{
		"ATLAS_BASE_URL":   "https://sandbox.atriptech.com",
		"ATLAS_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atrip-AbCdEf",
	}
}

func with(changes map[string]string) map[string]string {
	variables := good()
	maps.Copy(variables, changes)
	return variables
}

func TestEnvironment_Roles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": {"Customer service", "Finance", "Developer", "Admin"}, " Customer service , Finance": {"Customer service", "Finance"},
	} {
		if e, err := function.ReadEnvironment(with(map[string]string{"ATLAS_ROLES": text})); err != nil || !slices.Equal(e.Roles, want) {
			t.Errorf("%q: %q, %v; want %q", text, e.Roles, err, want)
		}
	}
}

func TestEnvironment_Valid(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]map[string]string{
		"the longest name of a secret": {"ATLAS_SECRET_ARN": strings.Repeat("a", 2048)},
		"empty counts as unset":        {"ATLAS_ROLES": "", "ATLAS_CLIENT_ID": "", "ATRIP_SECRET_TTL": "", "AWS_SAM_LOCAL": ""},
		"loopback over http":           {"ATLAS_BASE_URL": "http://127.0.0.1:8080/"},
		"any host over http under SAM": {"ATLAS_BASE_URL": "http://atlas:8080", "AWS_SAM_LOCAL": "true"},
		"other portal hosts":           {"ATLAS_PORTAL_HOSTS": "portal.example.com, *.example.com"},
		"another account": {"ATRIP_ACCOUNTS": `{"brand-` + strings.Repeat("b", 26) + `":{"baseUrl":"https://b.example.com/api",` +
			`"secretArn":"b","clientId":"b","portalHosts":"b.example.com"}}`},
		"no further account":     {"ATRIP_ACCOUNTS": `{}`},
		"a lower-case log level": {"AWS_LAMBDA_LOG_LEVEL": "debug"},
		"the shortest times":     {"ATLAS_ATTEMPT_TIMEOUT": "100ms", "ATRIP_SECRET_TTL": "1s"},
		"the longest times":      {"ATLAS_ATTEMPT_TIMEOUT": "15m", "ATRIP_SECRET_TTL": "24h"},
		"other variables":        {"PATH": "/bin", "_HANDLER": "bootstrap"},
		"regions":                {"AWS_REGION": "us-gov-west-1"},
		"sovereign regions":      {"AWS_REGION": "eusc-de-east-1"},
		"a port":                 {"ATLAS_BASE_URL": "https://sandbox.atriptech.com:65535"},
		"a claim with a colon":   {"ATRIP_OPERATOR_GROUPS_CLAIM": "cognito:groups"},
		"a claim that is a URL":  {"ATRIP_OPERATOR_GROUPS_CLAIM": "https://example.com/groups"},
		"harmless GODEBUG":       {"GODEBUG": "http2debug=0,netdns=go,http2client=0"},
	} {
		if _, err := function.ReadEnvironment(with(changes)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every row has one fault; the error names only its variable.
func TestEnvironment_BadVariable(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ variable, value, want string }{
		{"ATLAS_BASE_URL", "", "is missing"},
		{"ATLAS_BASE_URL", "http://sandbox.atriptech.com", "must be https"},
		{"ATLAS_BASE_URL", "{{resolve:ssm:/atlas/url}}", "unresolved"},
		{"ATLAS_BASE_URL", "https://user:pass@sandbox.atriptech.com", "user or password"},
		{"ATLAS_BASE_URL", "https://sandbox.atriptech.com:99999", "port"},
		{"ATLAS_SECRET_ARN", "", "is missing"},
		{"ATLAS_SECRET_ARN", "{{resolve:secretsmanager:x}}", "unresolved"},
		{"ATLAS_SECRET_ARN", "two words", "not the ARN or name"},
		{"ATLAS_SECRET_ARN", strings.Repeat("a", 2049), "not the ARN or name"},
		{"ATLAS_CLIENT_ID", "two words", "not a client id"},
		{"ATLAS_CLIENT_ID", "{{resolve:ssm:x}}", "not a client id"},
		{"ATLAS_ROLES", ",", "empty role"},
		{"ATLAS_ROLES", "Finance,,Admin", "empty role"},
		{"ATLAS_ROLES", "Finance,Ad\u0007min", "control character"},
		{"ATLAS_ROLES", "Finance,\u202eAdmin", "control character"},
		{"ATLAS_ROLES", "{{resolve:ssm:/atlas/roles}}", "unresolved"},
		{"ATRIP_OPERATOR_NAME_CLAIM", "{{resolve:ssm:/claim}}", "not a claim's name"},
		{"ATRIP_OPERATOR_NAME_CLAIM", "e mail", "not a claim's name"},
		{"ATRIP_OPERATOR_GROUPS_CLAIM", "{{resolve:ssm:/claim}}", "not a claim's name"},
		{"ATRIP_OPERATOR_GROUPS_CLAIM", "groups\n", "not a claim's name"},
		{"AWS_REGION", "eu-west", "not a Region"},
		{"AWS_REGION", "eu-west-1.example.com/", "not a Region"},
		{"AWS_REGION", "EU-WEST-1", "not a Region"},
		{"ATLAS_PORTAL_HOSTS", "*.com", `"*.com"`},
		{"ATLAS_PORTAL_HOSTS", "*", `"*"`},
		{"ATLAS_PORTAL_HOSTS", "https://example.com", "https://example.com"},
		{"ATLAS_ATTEMPT_TIMEOUT", "8", "not a duration"},
		{"ATLAS_ATTEMPT_TIMEOUT", "0s", "100ms to 15m"},
		{"ATLAS_ATTEMPT_TIMEOUT", "16m", "100ms to 15m"},
		{"ATRIP_SECRET_TTL", "five minutes", "not a duration"},
		{"ATRIP_SECRET_TTL", "500ms", "1s to 24h"},
		{"ATRIP_SECRET_TTL", "25h", "1s to 24h"},
		{"ATRIP_ACCOUNTS", "brand-b", "is not valid"},
		{"ATRIP_ACCOUNTS", `[]`, "is not valid"},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"https://b.example.com","secretArn":"b"},"b":{}}`, "is not valid"},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"https://b.example.com","secretArn":"b","clientSecret":"s"}}`, "nothing else"},
		{"ATRIP_ACCOUNTS", `{"Brand":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, `"Brand"`},
		{"ATRIP_ACCOUNTS", `{"":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, `""`},
		{"ATRIP_ACCOUNTS", `{"a_b":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, `"a_b"`},
		{"ATRIP_ACCOUNTS", `{"-a":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, `"-a"`},
		{"ATRIP_ACCOUNTS", `{"a\n":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, `"a\n"`},
		{"ATRIP_ACCOUNTS", `{"` + strings.Repeat("a", 33) + `":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, "aaa"},
		{"ATRIP_ACCOUNTS", `{"default":{"baseUrl":"https://b.example.com","secretArn":"b"}}`, `"default"`},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"http://b.example.com","secretArn":"b"}}`, "(b) baseUrl must be https"},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"https://b.example.com"}}`, "(b) secretArn is not"},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"https://b.example.com","secretArn":"{{resolve:x}}"}}`, "(b) secretArn is not"},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"https://b.example.com","secretArn":"b","clientId":"a b"}}`, "(b) clientId is not"},
		{"ATRIP_ACCOUNTS", `{"b":{"baseUrl":"https://b.example.com","secretArn":"b","portalHosts":"*"}}`, "(b) portalHosts "},
		{"AWS_SAM_LOCAL", "maybe", "neither true nor false"},
		{"GODEBUG", "http2debug=1", "http2debug"},
		{"GODEBUG", "netdns=go,http2debug=2", "http2debug"},
		{"GODEBUG", "gctrace=1", "gctrace"},
		{"GODEBUG", "netdns=go+2", "netdns"},
		{"AWS_LAMBDA_LOG_LEVEL", "LOUD", "must be DEBUG"},
	} {
		_, err := function.ReadEnvironment(with(map[string]string{row.variable: row.value}))
		if err == nil || !strings.Contains(err.Error(), row.variable+" ") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s=%.40q: error %v, want one with %q", row.variable, row.value, err, row.want)
			continue
		}
		if named := variables.FindAllString(err.Error(), -1); len(named) != 1 {
			t.Errorf("%s=%.40q: the error names %v, want the one variable", row.variable, row.value, named)
		}
		if strings.Contains(err.Error(), "pass") && strings.Contains(err.Error(), "user:") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}

var variables = regexp.MustCompile(`\b(?:(?:ATLAS|ATRIP|AWS)_[A-Z_]+|GODEBUG)\b`)

func TestEnvironment_AllBadVariablesOnOneLine(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"ATLAS_BASE_URL": "ftp://x", "ATLAS_SECRET_ARN": "a b", "ATLAS_CLIENT_ID": "a b", "ATLAS_ROLES": ",",
		"ATLAS_PORTAL_HOSTS": "a..b,*", "ATLAS_ATTEMPT_TIMEOUT": "x", "ATRIP_SECRET_TTL": "x", "AWS_SAM_LOCAL": "x",
		"AWS_LAMBDA_LOG_LEVEL": "x", "ATRIP_ACCOUNTS": `{"Brand":{},"a\n":{},"b":{"baseUrl":"x"}}`,
	}
	_, err := function.ReadEnvironment(bad)
	if err == nil {
		t.Fatal("no error")
	}
	for variable := range bad {
		if !strings.Contains(err.Error(), variable) {
			t.Errorf("the error does not name %s: %v", variable, err)
		}
	}
	for _, account := range []string{`"Brand"`, `"a\n"`, "(b) baseUrl", "(b) secretArn"} {
		if !strings.Contains(err.Error(), account) {
			t.Errorf("the error does not name %s: %v", account, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}

// The README's table and the code have the same variables and defaults.
func TestEnvironment_README(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Environment")
	section, _, _ = strings.Cut(section, "\n## ")
	described := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(section, -1) {
		described[row[1]] = strings.Trim(row[2], "`")
	}
	// Lambda and the SAM CLI set these.
	given := []string{"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "LAMBDA_TASK_ROOT", "AWS_SAM_LOCAL", "AWS_REGION", "GODEBUG"}
	fields := reflect.TypeFor[function.Environment]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name == "" || slices.Contains(given, name) {
			continue
		}
		standard, ok := described[name]
		delete(described, name)
		if want := field.Tag.Get("envDefault"); !ok || want != "" && standard != want || want == "" && !strings.HasPrefix(standard, "none") {
			t.Errorf("%s has the default %q, and the README says %q", name, want, standard)
		}
	}
	for name := range described {
		t.Errorf("the README describes %s, which the code does not read", name)
	}
}
