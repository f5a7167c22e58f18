package main

import (
	"errors"
	"flag"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfig_Example(t *testing.T) {
	at := start(t, "-config", "docs/examples/local.yaml")
	for _, row := range []struct {
		user, role, account string
		status              int
	}{
		{"olga", "Refunds", "default", 200},
		{"olga", "Refunds", "north", 200},
		{"olga", "Customer service", "default", 403},
		{"piet", "Customer service", "default", 200},
		{"piet", "Customer service", "north", 403},
		{"piet", "Finance", "default", 400}, // not one of the roles
	} {
		token := at.token(t, row.user+"@example.com")
		status, answer := at.call(t, token, `{"orderNo":"X1","role":"`+row.role+`"}`, "X-Atrip-Account", row.account)
		if status != row.status {
			t.Errorf("%s as %s in %s: %d %v, want %d", row.user, row.role, row.account, status, answer, row.status)
		}
	}
	if !strings.Contains(at.out.String(), `"userName":"olga"`) {
		t.Errorf("no audit line with the name claim's value:\n%s", at.out)
	}
	if _, text := send(t, "GET", at.Console+"/config.json", ""); !strings.Contains(text, `"accounts":["north"]`) ||
		!strings.Contains(text, `"roles":["Customer service","Refunds"]`) {
		t.Errorf("the console does not offer the roles and accounts: %s", text)
	}
}

func TestConfig_ClaimsReachThePolicyAsText(t *testing.T) {
	policy := write(t, "own.cedar",
		`permit (principal is Operator, action == Action::"openPortal", resource) when { principal.name == "4102444800" };`)
	at := start(t, "-config", write(t, "local.yaml",
		"policy: "+policy+"\nnameClaim: number\noperators: [{email: a@example.com, claims: {number: 4102444800, flag: true}}]"))
	if status, answer := at.call(t, at.token(t, "a@example.com"), order); status != 200 { // its groups are null
		t.Errorf("%d %v\n%s", status, answer, at.out)
	}
}

func TestConfig_NamesIgnoredVariables(t *testing.T) {
	environ["ATLAS_BASE_URL"], environ["ATRIP_POLICYFILE"], environ["ATLAS_ROLES"] = "https://example.com", "a", "A"
	t.Cleanup(func() { environ = map[string]string{"ATLAS_ATTEMPT_TIMEOUT": "4s"} })
	out := start(t, "-config", "docs/examples/local.yaml").out.String()
	for _, want := range []string{
		"ATLAS_BASE_URL is ignored: the simulators decide it",
		"ATLAS_ROLES is ignored: docs/examples/local.yaml sets it",
		"ATRIP_POLICYFILE is ignored: the function has no such variable",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "ATLAS_ATTEMPT_TIMEOUT is ignored") {
		t.Error("a variable that counts is called ignored")
	}
}

func TestStart_Refused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, taken, _ := net.SplitHostPort(listener.Addr().String())
	badPolicy := write(t, "bad.cedar",
		`permit (principal is Operator, action == Action::"openPortal", resource) when { principal.group == "a" };`)
	config := func(text string) []string { return []string{"-port=0", "-config", write(t, "local.yaml", text)} }
	for _, row := range []struct {
		name    string
		args    []string
		environ map[string]string
		want    []string
	}{
		{"a taken port", []string{"-port=" + taken}, nil, []string{"port " + taken + " for the demo console", "others with -port, or 0"}},
		{"ports that do not exist", []string{"-port=70000"}, nil,
			[]string{"cannot listen on port 70000 for the demo console", "cannot listen on port 70004 for Secrets Manager's API"}},
		{"an unknown flag", []string{"-prot=1"}, nil, []string{"flag provided but not defined: -prot"}},
		{"an argument", []string{"now"}, nil, []string{`unexpected argument "now"`}},
		{"an origin with a path", []string{"-origin", "http://127.0.0.1:3000/"}, nil, []string{"is not an origin"}},
		{"an origin without a scheme", []string{"-origin", "127.0.0.1:3000"}, nil, []string{"is not an origin"}},
		{"an origin without a host", []string{"-origin", "http://"}, nil, []string{"is not an origin"}},
		{"any origin", []string{"-origin", "*"}, nil, []string{"is not an origin"}},
		{"bad variables of the function", []string{"-port=0"}, map[string]string{"ATLAS_ROLES": ",", "ATRIP_SECRET_TTL": "soon"},
			[]string{"ATLAS_ROLES", "ATRIP_SECRET_TTL"}},
		{"no such file", []string{"-config", "none.yaml"}, nil, []string{"none.yaml"}},
		{"an unknown member", config("polcy: a"), nil, []string{`unknown field "polcy"`}},
		{"not YAML", config("roles: ["), nil, []string{"local.yaml"}},
		{"a policy that the schema does not allow", config("policy: " + badPolicy), nil, []string{"bad.cedar:1:91"}},
		{"a policy that does not exist", config("policy: none.cedar"), nil, []string{string(filepath.Separator) + "none.cedar"}},
		{"an issuer without an audience", config("issuer: https://login.example.com"), nil, []string{"issuer and audience need each other"}},
		{"a bad account name", config("accounts: [North]"), nil, []string{"ATRIP_ACCOUNTS"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := Run(t.Context(), row.args, row.environ, io.Discard)
			for _, want := range row.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
	var usage strings.Builder
	if err := Run(t.Context(), []string{"-help"}, nil, &usage); !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-origin") {
		t.Errorf("-help: %v, %s", err, usage.String())
	}
}
