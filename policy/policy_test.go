package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/policy"
)

func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("test.cedar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// amelia is a signed-in operator in these groups.
func amelia(groups ...string) policy.Principal {
	return policy.Operator("https://login.example.com", "00u1", "amelia@example.com", groups,
		map[string][]string{"amr": {"pwd", "mfa"}})
}

var (
	user     = policy.AwsPrincipal("arn:aws:iam::123456789012:user/a", "123456789012")
	service  = policy.Service("service")
	balancer = policy.LoadBalancer("targetgroup/a")
)

func question(p policy.Principal, userName, role string) policy.Question {
	return policy.Question{
		Principal: p, OrderNo: "X1", UserName: userName, Role: role,
		Door: "api", Account: "default", Now: time.Unix(1773342238, 0),
	}
}

// What the head of a permit matches. One that could match any principal is refused.
func TestParse_Heads(t *testing.T) {
	t.Parallel()
	callers := map[string]policy.Principal{
		"operator": amelia(), "aws": user, "service": service, "balancer": balancer, "anonymous": policy.Anonymous(),
	}
	for head, matches := range map[string]string{
		`principal is Operator`:                      "operator",
		`principal is AwsPrincipal`:                  "aws",
		`principal is Service`:                       "service",
		`principal is LoadBalancer`:                  "balancer",
		`principal is Anonymous`:                     "anonymous",
		`principal == Operator::"00u1"`:              "operator",
		`principal == Anonymous::""`:                 "anonymous",
		`principal is Service in Service::"service"`: "service",
		`principal is Anonymous in Anonymous::""`:    "anonymous",
		`principal`:                     "",
		`principal in Operator::"00u1"`: "",
		`principal in Anonymous::""`:    "",
	} {
		text := `forbid(principal, action, resource) when { false }; @id("principal") permit(` + head + `, action, resource);`
		p, err := policy.Parse("test.cedar", []byte(text))
		if matches == "" {
			if err == nil || !strings.HasPrefix(err.Error(), "test.cedar:1:77: this permit names no type of principal") {
				t.Errorf("%s: %v", head, err)
			}
			continue
		}
		for kind, caller := range callers {
			if got := p.Decide(question(caller, "a", "b")).Allowed; got != (matches == kind) {
				t.Errorf("%s: %s is permitted: %v", head, kind, got)
			}
		}
		if p.PermitsAnonymous() != (matches == "anonymous") || p.Count() != 2 {
			t.Errorf("%s: PermitsAnonymous is %v, %d policies", head, p.PermitsAnonymous(), p.Count())
		}
	}
	for text, want := range map[string]bool{
		`permit(principal is Anonymous, action, resource) when { false };`:                     true,
		`forbid(principal, action, resource); permit(principal is Service, action, resource);`: false,
		string(policy.Default): false,
	} {
		if got := parse(t, text).PermitsAnonymous(); got != want {
			t.Errorf("%s: PermitsAnonymous is %v", text, got)
		}
	}
}

// What a policy can test, and the values it finds.
func TestDecide_Values(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		caller     policy.Principal
		conditions []string
	}{
		{amelia("g1", "g2"), []string{
			`context.userName == "oskar"`,
			`context.role == "Finance"`,
			`context.door == "api"`,
			`context.account == "default"`,
			`context.now == datetime("2026-03-12T19:03:58Z")`,
			`context.sourceIp.isInRange(ip("203.0.113.0/24"))`,
			`context.sourceIp == ip("203.0.113.7")`,
			`action == Action::"openPortal"`,
			`resource == Order::"X1" && !(resource has name) && !(Operator::"other" has name)`,
			`principal == Operator::"00u1"`,
			`principal.name == "amelia@example.com"`,
			`principal.groups == ["g2", "g1"]`,
			`principal.issuer == "https://login.example.com"`,
			`principal.hasTag("amr") && principal.getTag("amr") == ["mfa", "pwd"]`,
			`!principal.hasTag("other")`,
		}},
		{policy.Operator("", "00u2", "oskar", nil, nil), []string{
			`principal.groups == [] && principal.issuer == "" && !principal.hasTag("amr")`,
		}},
		{user, []string{
			`principal == AwsPrincipal::"arn:aws:iam::123456789012:user/a" && !principal.hasTag("amr")`,
			`principal.arn == "arn:aws:iam::123456789012:user/a" && principal.account == "123456789012"`,
		}},
		{service, []string{`principal == Service::"service" && !principal.hasTag("amr")`}},
		{balancer, []string{`principal == LoadBalancer::"targetgroup/a" && !principal.hasTag("amr")`}},
		{policy.Anonymous(), []string{`principal == Anonymous::"" && !principal.hasTag("amr")`}},
	} {
		q := question(row.caller, "oskar", "Finance")
		q.SourceIP = netip.MustParseAddr("203.0.113.7")
		kind, _, _ := strings.Cut(row.caller.String(), "::")
		for _, condition := range row.conditions {
			p := parse(t, `permit(principal is `+kind+`, action, resource) when { `+condition+` };`)
			if d := p.Decide(q); !d.Allowed || d.Errors != nil {
				t.Errorf("%v: %s is false: %+v", row.caller, condition, d)
			}
		}
	}
}

func TestDecide_SourceIP(t *testing.T) {
	t.Parallel()
	p := parse(t, `permit(principal is Service, action, resource) when {
		context has sourceIp && (context.sourceIp.isInRange(ip("10.0.0.0/8")) || context.sourceIp == ip("fe80::1")) };`)
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fe80::1%eth0": true, "11.1.2.3": false, "": false,
	} {
		q := question(service, "a", "Finance")
		if addr != "" {
			q.SourceIP = netip.MustParseAddr(addr)
		}
		if d := p.Decide(q); d.Allowed != want || d.Errors != nil {
			t.Errorf("%q: %+v", addr, d)
		}
	}
}

// A permit whose evaluation fails is skipped, as Cedar does. A forbid whose
// evaluation fails denies.
func TestDecide_Decision(t *testing.T) {
	t.Parallel()
	const permit, fails = ` permit(principal is Service, action, resource)`, ` when { context.sourceIp.isLoopback() };`
	for _, row := range []struct {
		name, text string
		want       policy.Decision
	}{
		{"nothing applies", `permit(principal is Operator, action, resource);`, policy.Decision{}},
		{"two permits", `@id("b")` + permit + `; @id("a")` + permit + `;`,
			policy.Decision{Allowed: true, Policies: []string{"a", "b"}}},
		{"without @id", `forbid(principal is Operator, action, resource);` + permit + `;`,
			policy.Decision{Allowed: true, Policies: []string{"policy1"}}},
		{"permit and forbid", `@id("all")` + permit + `; @id("not-x1") forbid(principal, action, resource == Order::"X1");`,
			policy.Decision{Policies: []string{"not-x1"}}},
		{"failed permits", `@id("z")` + permit + fails + `@id("a")` + permit + fails,
			policy.Decision{Errors: []string{"a", "z"}}},
		{"failed permit and permit", `@id("a")` + permit + `; @id("z")` + permit + fails,
			policy.Decision{Allowed: true, Policies: []string{"a"}, Errors: []string{"z"}}},
		{"failed forbid and permit", `@id("a")` + permit + `; @id("z") forbid(principal, action, resource)` + fails,
			policy.Decision{Policies: []string{"z"}, Errors: []string{"z"}}},
	} {
		if diff := cmp.Diff(row.want, parse(t, row.text).Decide(question(service, "a", "Finance"))); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
}

func TestParse_Problems(t *testing.T) {
	t.Parallel()
	const permit = "permit(principal is Service, action, resource);\n"
	for _, row := range []struct{ text, line, want string }{
		{permit + "permitt(principal, action, resource);", "^permitt(", "2:1: expected `permit` or `forbid`, found `permitt`"},
		{"permit(principal, action, resource)\n\n", "resource)^", "1:36: expected `;`, found the end of the file"},
		{"permit(principal is Operator action, resource);", "^action", "1:30: expected `,`, found `action`"},
		{"permit(principal, action, resource) where { true };", "^where", "1:37: expected `;`, found `where`"},
		{"permit(principal, action, resource) when {\n\tcontext.role = \"a\" };", "\tcontext.role ^=", "2:15: expected `==`, found `=`"},
		{"permit(principal, action, resource) when { \"é\" is };", "is ^}", "1:51: expected a name, found `}`"},
		{"permit(principal, action, resource) when { context. // \"a\"\n};", "^}", "2:1: expected a name, found `}`"},
		{"@id(a) " + permit, "@id(^a", "1:5: expected a text in double quotes, found `a`"},
		{"@id(\"a\") @id(\"b\") " + permit, "@id(\"a\") @^id", "1:11: duplicate annotation: @id"},
		{"permit(principal, action, resource) when { [1 2] };", "[1 ^2", "1:47: expected `,`, found `2`"},
		{"permit(principal, action, resource) when { 'a' };", "{ ^'a",
			"1:44: expected a value, such as context.role or a text in double quotes, found `'`"},
		{"permit(principal, action, resource) when { now(1) };", "^now", "1:44: `now` is not a function"},
		{"permit(principal, action, resource) when { principal.contains(1, 2) };", ".^contains", "1:54: contains expects one argument"},
		{permit + "permit(principal, action, resource) when { \"", "{ ^\"", "2:44: literal not terminated"},
		{"permit(principal, action, resource) when { 99999999999999999999 == 1 };", "{ ^99",
			"1:44: 99999999999999999999 cannot be read: value out of range"},
		{permit + "permit(principal, action, resource) when { \"a\" == \"\\*\" };", "== ^\"", "2:51: \"\\*\" cannot be read: bad char escape"},
		{permit + "/* permitt */ permitt(principal", "/ ^permitt(", "2:15: expected `permit` or `forbid`, found `permitt`"},
		{"\ufeff" + permit, "^\ufeffpermit", "1:1: begins with a byte order mark; save the file as UTF-8 without one"},
		{"// none\n", "^// none", "1:1: holds no policy, so it would deny every request; write one, or use policies/default.cedar"},
		{"@id(\"a\")\n" + permit + "\n@id(\"a\")\n" + permit, "^@id", `4:1: the id "a" is taken by the policy in line 1`},
		{permit + "@id(\"policy0\")\n" + permit, "^@id", `2:1: the id "policy0" is taken by the policy in line 1`},
	} {
		p, err := policy.Parse("test.cedar", []byte(row.text))
		problem, ok := err.(policy.Problem) //nolint:errorlint // as it is documented
		if !ok || p != nil || err.Error() != "test.cedar:"+row.want {
			t.Errorf("%v; want %s", err, row.want)
			continue
		}
		// The mark is below the character that follows ^ in row.line.
		lines := strings.Split(problem.Excerpt(), "\n")
		source, at := []rune(lines[1]), len([]rune(lines[2]))-1
		before := string(source[:at])
		if lines[0] != err.Error() || !strings.Contains(before+"^"+string(source[at:]), row.line) ||
			strings.Count(lines[2], "\t") != strings.Count(before, "\t") {
			t.Errorf("%s: %s", row.want, problem.Excerpt())
		}
	}
}

func TestPrincipal_String(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]policy.Principal{
		`Operator::"00u1"`: amelia(), `Operator::"a\"\n"`: policy.Operator("", "a\"\n", "x", nil, nil),
		`AwsPrincipal::"arn:aws:iam::123456789012:user/a"`: user, `Service::"service"`: service, `Anonymous::""`: {},
	} {
		if got := p.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		operator := strings.HasPrefix(want, "Operator")
		if p.IsAnonymous() != strings.HasPrefix(want, "Anonymous") || p.IsOperator() != operator || (p.Name() != "") != operator {
			t.Errorf("%s: anonymous %v, operator %v, name %q", want, p.IsAnonymous(), p.IsOperator(), p.Name())
		}
	}
}

func ExamplePolicy_Decide() {
	p, err := policy.Parse("finance.cedar", []byte(`
		@id("finance")
		permit (principal is Operator, action, resource)
		when { context.userName == principal.name && context.role == "Finance" && principal.groups.contains("finance") };`))
	if err != nil {
		fmt.Println(err)
		return
	}
	amelia := policy.Operator("https://login.example.com", "00u1", "amelia@example.com", []string{"finance"}, nil)
	for _, userName := range []string{"amelia@example.com", "oskar@example.com"} {
		d := p.Decide(policy.Question{
			Principal: amelia, OrderNo: "XPFIW20220209163159425", UserName: userName, Role: "Finance",
			Door: "api", Account: "default", Now: time.Now(),
		})
		fmt.Println(userName, d.Allowed, d.Policies)
	}
	// Output:
	// amelia@example.com true [finance]
	// oskar@example.com false []
}
