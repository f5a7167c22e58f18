package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfig_Example(t *testing.T) {
	at, out := runJSON(t, "-config", "docs/examples/local.yaml")
	for _, row := range []struct {
		user, role, account string
		status              int
	}{
		{"olga", "Refunds", "", 200},
		{"olga", "Refunds", "north", 200},
		{"olga", "Customer service", "", 403},
		{"piet", "Customer service", "", 200},
		{"piet", "Customer service", "north", 403},
		{"piet", "Finance", "", 400}, // not one of the roles
	} {
		token := at.token(t, "user="+row.user+"@example.com")
		headers := []string{"Content-Type", "application/json", "Authorization", "Bearer " + token}
		if row.account != "" {
			headers = append(headers, "X-Atrip-Account", row.account)
		}
		response, body := send(t, "POST", at.API, `{"orderNo":"X1","role":"`+row.role+`"}`, headers...)
		if response.StatusCode != row.status {
			t.Errorf("%s as %s in %q: %d %s, want %d", row.user, row.role, row.account, response.StatusCode, body, row.status)
		}
	}
	if !strings.Contains(out.String(), `"userName":"olga"`) {
		t.Errorf("no audit line with the name claim's value:\n%s", out)
	}
	if _, text := send(t, "GET", at.Console+"/config.json", ""); !strings.Contains(text, `"accounts":["north"]`) ||
		!strings.Contains(text, `"roles":["Customer service","Refunds"]`) {
		t.Errorf("the console does not offer the roles and accounts: %s", text)
	}
}

func TestConfig_ClaimsReachThePolicyAsText(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"own.cedar":  `permit (principal is Operator, action == Action::"openPortal", resource) when { principal.name == "4102444800" };`,
		"local.yaml": "policy: own.cedar\nnameClaim: number\noperators: [{email: a@example.com, claims: {number: 4102444800, flag: true}}]",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at, out := runJSON(t, "-config", filepath.Join(dir, "local.yaml"))
	if status, answer := at.call(t, at.token(t, "user=a@example.com"), order); status != 200 { // its groups are null
		t.Errorf("%d %v\n%s", status, answer, out)
	}
}

func TestConfig_Refused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.cedar"), []byte(
		`permit (principal is Operator, action == Action::"openPortal", resource) when { principal.group == "a" };`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, text, want string }{
		{"an unknown member", "polcy: a", `unknown field "polcy"`},
		{"not YAML", "roles: [", "local.yaml"},
		{"a policy that the schema does not allow", "policy: bad.cedar", "bad.cedar:1:91"},
		{"a policy that does not exist", "policy: none.cedar", "none.cedar"},
		{"an operator without an email", "operators: [{name: A}]", "number 1 () needs an email"},
		{"an operator without the name claim", "nameClaim: username\noperators: [{email: a}]",
			"number 1 (a) needs an email, and the claim username"},
		{"an issuer without an audience", "issuer: https://login.example.com", "issuer and audience need each other"},
		{"a bad account name", "accounts: [North]", "ATRIP_ACCOUNTS"},
	} {
		t.Run(row.name, func(t *testing.T) {
			file := filepath.Join(dir, "local.yaml")
			if err := os.WriteFile(file, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := Run(t.Context(), append([]string{"-config", file}, anyPort...), environ, &buffer{ready: make(chan string, 1)})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

func TestConfig_NamesIgnoredVariables(t *testing.T) {
	environ["ATLAS_BASE_URL"], environ["ATRIP_POLICYFILE"], environ["ATLAS_ROLES"] = "https://example.com", "a", "A"
	t.Cleanup(func() {
		delete(environ, "ATLAS_BASE_URL")
		delete(environ, "ATRIP_POLICYFILE")
		delete(environ, "ATLAS_ROLES")
	})
	_, out := run(t, "-config", "docs/examples/local.yaml")
	for _, want := range []string{
		"ATLAS_BASE_URL is ignored: the simulators decide it",
		"ATLAS_ROLES is ignored: docs/examples/local.yaml sets it",
		"ATRIP_POLICYFILE is ignored: the function has no such variable",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out.String(), "ATLAS_ATTEMPT_TIMEOUT is ignored") {
		t.Error("a variable that counts is called ignored")
	}
}
