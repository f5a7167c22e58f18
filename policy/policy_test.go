package policy_test

import (
	"fmt"
	"net/netip"
	"os"
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

func file(t testing.TB, name string) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// amelia is a signed-in operator in these groups.
func amelia(groups ...string) policy.Principal {
	return policy.Operator("https://login.example.com", "00u1", "amelia@example.com", groups, func() map[string][]string { return map[string][]string{"amr": {"pwd", "mfa"}} })
}

func question(p policy.Principal, userName, role string) policy.Question {
	return policy.Question{Principal: p, OrderNo: "X1", UserName: userName, Role: role, Door: "api", Account: "default", Now: time.Unix(1773342238, 0)}
}

func TestDefaultPolicy(t *testing.T) {
	t.Parallel()
	p := file(t, "default.cedar")
	allow := func(who policy.Principal, userName, role string) {
		t.Helper()
		if d := p.Decide(question(who, userName, role)); !d.Allowed || len(d.Policies) != 1 {
			t.Errorf("%v as %q in %q is denied: %+v", who, userName, role, d)
		}
	}
	deny := func(who policy.Principal, userName, role string) {
		t.Helper()
		if d := p.Decide(question(who, userName, role)); d.Allowed || d.Policies != nil {
			t.Errorf("%v as %q in %q is permitted: %+v", who, userName, role, d)
		}
	}
	allow(amelia("atrip-customer-service"), "amelia@example.com", "Customer service")
	allow(amelia("atrip-finance"), "amelia@example.com", "Finance")
	allow(amelia("atrip-developer"), "amelia@example.com", "Developer")
	allow(amelia("other", "atrip-admin"), "amelia@example.com", "Admin")
	deny(amelia("atrip-customer-service"), "amelia@example.com", "Admin")
	deny(amelia("atrip-admin"), "amelia@example.com", "Finance")
	deny(amelia("atrip-admin"), "oskar@example.com", "Admin")
	deny(amelia("atrip-admin"), "Amelia@example.com", "Admin")
	deny(amelia("atrip-admin"), "amelia@example.com\u200b", "Admin")
	deny(amelia("ATRIP-ADMIN"), "amelia@example.com", "Admin")
	deny(amelia("atrip-admins"), "amelia@example.com", "Admin")
	deny(amelia(), "amelia@example.com", "Customer service")
	deny(amelia("atrip-admin"), "amelia@example.com", "Owner")
	allow(policy.Service("service"), "oskar@example.com", "Admin")
	allow(policy.AwsPrincipal("arn:aws:sts::123456789012:assumed-role/a/b", "123456789012"), "oskar@example.com", "Admin")
	deny(policy.LoadBalancer("arn"), "amelia@example.com", "Customer service")
	deny(policy.Anonymous(), "amelia@example.com", "Customer service")
	deny(policy.Principal{}, "amelia@example.com", "Customer service")
}

func TestLocalPolicy_PermitsAnonymousAndSaysSo(t *testing.T) {
	t.Parallel()
	p := file(t, "local.cedar")
	if !p.PermitsAnonymous() || !p.Decide(question(policy.Anonymous(), "a", "Admin")).Allowed {
		t.Error("local.cedar does not permit Anonymous")
	}
	if file(t, "default.cedar").PermitsAnonymous() {
		t.Error("default.cedar permits Anonymous")
	}
}

func TestPermitsAnonymous_LooksAtHeadsAlone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`permit(principal, action, resource);`:                                                 true,
		`permit(principal, action, resource) when { principal is Operator };`:                  true,
		`permit(principal == Anonymous::"", action, resource);`:                                true,
		`permit(principal is Anonymous, action, resource) when { false };`:                     true,
		`permit(principal in Anonymous::"", action, resource);`:                                true,
		`permit(principal is Operator, action, resource);`:                                     false,
		`permit(principal == Service::"service", action, resource);`:                           false,
		`permit(principal is Operator in Operator::"a", action, resource);`:                    false,
		`forbid(principal, action, resource); permit(principal is Service, action, resource);`: false,
	} {
		if got := parse(t, text).PermitsAnonymous(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// What a policy may look at, and what it sees there.
func TestDecide_PoliciesSeeTheQuestion(t *testing.T) {
	t.Parallel()
	q := question(amelia("g1", "g2"), "oskar", "Finance")
	q.SourceIP = netip.MustParseAddr("203.0.113.7")
	for _, condition := range []string{
		`context.userName == "oskar"`,
		`context.role == "Finance"`,
		`context.door == "api"`,
		`context.account == "default"`,
		`resource == Order::"X1" && !(resource has name) && !(Operator::"other" has name)`,
		`principal == Operator::"00u1"`,
		`principal.name == "amelia@example.com"`,
		`principal.groups == ["g2", "g1"]`,
		`principal.issuer == "https://login.example.com"`,
		`principal.getTag("amr") == ["mfa", "pwd"]`,
		`!principal.hasTag("other")`,
		`principal.hasTag("amr")`,
		`action == Action::"openPortal"`,
		`context.now == datetime("2026-03-12T19:03:58Z")`,
		`context.sourceIp.isInRange(ip("203.0.113.0/24"))`,
		`context.sourceIp == ip("203.0.113.7")`,
	} {
		p := parse(t, `permit(principal is Operator, action, resource) when { `+condition+` };`)
		if d := p.Decide(q); !d.Allowed || d.Errors != nil {
			t.Errorf("%s does not hold: %+v", condition, d)
		}
	}
	arn := "arn:aws:iam::123456789012:user/a"
	q.Principal = policy.AwsPrincipal(arn, "123456789012")
	p := parse(t, `permit(principal is AwsPrincipal, action, resource) when { principal.arn == "`+arn+`" && principal.account == "123456789012" && principal == AwsPrincipal::"`+arn+`" };`)
	if !p.Decide(q).Allowed {
		t.Error("an AWS principal's attributes are not as expected")
	}
}

// A policy that looks at tags is asked about principals without claims too.
func TestDecide_WhoHasNoClaimsHasNoTags(t *testing.T) {
	t.Parallel()
	p := parse(t, `permit(principal, action, resource) when { !principal.hasTag("amr") };`)
	for _, who := range []policy.Principal{
		policy.Service("service"), policy.AwsPrincipal("arn:aws:iam::123456789012:user/a", "123456789012"),
		policy.LoadBalancer("targetgroup/a"), policy.Operator("https://login.example.com", "00u1", "amelia@example.com", nil, nil), policy.Anonymous(),
	} {
		if d := p.Decide(question(who, "a", "Finance")); !d.Allowed || d.Errors != nil {
			t.Errorf("%v: %+v", who, d)
		}
	}
}

// Most policies look at no tags: claims are read for those that do.
func TestDecide_ClaimsAreReadForPoliciesThatLookAtThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`permit(principal, action, resource);`:                                             0,
		`permit(principal, action, resource) when { principal.hasTag("amr") };`:            1,
		`permit(principal, action, resource) when { principal.getTag("amr") == ["pwd"] };`: 1,
	} {
		read := 0
		claims := func() map[string][]string {
			read++
			return map[string][]string{"amr": {"pwd"}}
		}
		who := policy.Operator("https://login.example.com", "00u1", "amelia@example.com", nil, claims)
		if d := parse(t, text).Decide(question(who, "a", "Finance")); !d.Allowed || read != want {
			t.Errorf("%s: claims are read %d times, want %d: %+v", text, read, want, d)
		}
	}
}

func TestDecide_SourceAddressesOfEveryKind(t *testing.T) {
	t.Parallel()
	p := parse(t, `permit(principal is Service, action, resource) when { context has sourceIp && context.sourceIp.isInRange(ip("10.0.0.0/8")) };
		permit(principal is Service, action, resource) when { context has sourceIp && context.sourceIp == ip("fe80::1") };`)
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fe80::1%eth0": true, "11.1.2.3": false, "": false,
	} {
		q := question(policy.Service("service"), "a", "Finance")
		if addr != "" {
			q.SourceIP = netip.MustParseAddr(addr)
		}
		if d := p.Decide(q); d.Allowed != want || d.Errors != nil {
			t.Errorf("%q: %+v", addr, d)
		}
	}
}

func TestDecide_ForbidBeatsPermit(t *testing.T) {
	t.Parallel()
	p := parse(t, `@id("all") permit(principal is Service, action, resource);
		@id("not-x1") forbid(principal, action, resource == Order::"X1");`)
	d := p.Decide(question(policy.Service("service"), "a", "Finance"))
	if diff := cmp.Diff(policy.Decision{Policies: []string{"not-x1"}}, d); diff != "" {
		t.Error(diff)
	}
}

// Cedar skips a policy that cannot be evaluated. A permit may be skipped; a
// forbid must not open what its author meant to close.
func TestDecide_AForbidThatErrsDenies(t *testing.T) {
	t.Parallel()
	p := parse(t, `@id("all") permit(principal is Service, action, resource);
		@id("broken") forbid(principal, action, resource) when { context.sourceIp.isLoopback() };`)
	d := p.Decide(question(policy.Service("service"), "a", "Finance"))
	if diff := cmp.Diff(policy.Decision{Policies: []string{"broken"}, Errors: []string{"broken"}}, d); diff != "" {
		t.Error(diff)
	}
}

func TestDecide_APermitThatErrsPermitsNothing(t *testing.T) {
	t.Parallel()
	p := parse(t, `@id("z") permit(principal is Service, action, resource) when { context.sourceIp.isLoopback() };
		@id("a") permit(principal is Service, action, resource) when { context.none == 1 };`)
	q := question(policy.Service("service"), "a", "Finance")
	if diff := cmp.Diff(policy.Decision{Errors: []string{"a", "z"}}, p.Decide(q)); diff != "" {
		t.Error(diff)
	}
	p = parse(t, `@id("broken") permit(principal, action, resource) when { context.none == 1 };
		@id("b") permit(principal is Service, action, resource);
		@id("a") permit(principal == Service::"service", action, resource);`)
	if diff := cmp.Diff(policy.Decision{Allowed: true, Policies: []string{"a", "b"}, Errors: []string{"broken"}}, p.Decide(q)); diff != "" {
		t.Error(diff)
	}
}

// Leaving out what cannot apply must not change a decision.
func TestDecide_EveryKindOfHeadIsFound(t *testing.T) {
	t.Parallel()
	for head, kinds := range map[string]string{
		`principal`:                                  "operator aws service anonymous",
		`principal in Operator::"00u1"`:              "operator",
		`principal == Operator::"00u1"`:              "operator",
		`principal is Operator`:                      "operator",
		`principal is AwsPrincipal`:                  "aws",
		`principal is Service`:                       "service",
		`principal is Anonymous`:                     "anonymous",
		`principal is Service in Service::"service"`: "service",
	} {
		p := parse(t, `permit(`+head+`, action, resource);`)
		for kind, who := range map[string]policy.Principal{
			"operator": amelia(), "aws": policy.AwsPrincipal("a", "b"), "service": policy.Service("service"), "anonymous": policy.Anonymous(),
		} {
			if got, want := p.Decide(question(who, "a", "b")).Allowed, strings.Contains(kinds, kind); got != want {
				t.Errorf("%s: %s is permitted: %v", head, kind, got)
			}
		}
	}
}

func TestParse_SaysWhere(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, want string }{
		{"a word misspelt", "permit(principal, action, resource);\npermitt(principal, action, resource);", "test.cedar:2:8: is not a Cedar policy"},
		{"no semicolon", "permit(principal, action, resource)", "test.cedar:1:36: is not a Cedar policy"},
		{"an open condition", "permit(principal, action, resource)\n  when { context.role == };", "test.cedar:2:27: is not a Cedar policy"},
		{"nothing", "", "test.cedar: holds no policy"},
		{"a comment alone", "// none\n", "test.cedar: holds no policy"},
		{"an id twice", "@id(\"a\")\npermit(principal is Service, action, resource);\n\n@id(\"a\")\nforbid(principal, action, resource);", `test.cedar:4:1: the id "a" is taken by the policy in line 1`},
		{"an id of another's place", "permit(principal is Service, action, resource);\n@id(\"policy0\")\nforbid(principal, action, resource);", `the id "policy0" is taken`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Parse("test.cedar", []byte(row.text))
			if err == nil || p != nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v; want %s", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

func TestParse_NamesPoliciesByTheirPlace(t *testing.T) {
	t.Parallel()
	p := parse(t, "forbid(principal is Operator, action, resource);\npermit(principal is Service, action, resource);")
	if d := p.Decide(question(policy.Service("service"), "a", "b")); len(d.Policies) != 1 || d.Policies[0] != "policy1" {
		t.Errorf("%+v", d)
	}
	if p.Count() != 2 || p.Name() != "test.cedar" {
		t.Errorf("%d %s", p.Count(), p.Name())
	}
}

func TestPrincipal_TellsWhoItIs(t *testing.T) {
	t.Parallel()
	for want, who := range map[string]policy.Principal{
		`Operator::"00u1"`: amelia(), `AwsPrincipal::"a"`: policy.AwsPrincipal("a", "b"), `Service::"service"`: policy.Service("service"),
		`Anonymous::""`:     {},
		`Anonymous::"" `:    policy.Anonymous(),
		`Operator::"a\"\n"`: policy.Operator("", "a\"\n", "x", nil, nil),
	} {
		if got := who.String(); got != strings.TrimSpace(want) {
			t.Errorf("%s, want %s", got, want)
		}
		if who.IsAnonymous() != strings.HasPrefix(want, "Anonymous") || who.IsOperator() != strings.HasPrefix(want, "Operator") {
			t.Errorf("%s: anonymous %v, operator %v", want, who.IsAnonymous(), who.IsOperator())
		}
		if (who.Name() != "") != who.IsOperator() {
			t.Errorf("%s: its name is %q", want, who.Name())
		}
	}
}

// BenchmarkDecide is one decision on an operator, by the default policy and by
// files of many policies of which one permits.
func BenchmarkDecide(b *testing.B) {
	policies := map[string]*policy.Policy{"default": file(b, "default.cedar")}
	for _, n := range []int{1, 10, 100, 1000} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, `permit (principal is Operator, action == Action::"openPortal", resource) when { principal.name == "operator-%d@example.com" };`, i)
		}
		policies[fmt.Sprintf("%d policies", n)] = parse(b, strings.Replace(text.String(), "operator-0@", "amelia@", 1))
	}
	for name, p := range policies {
		b.Run(name, func(b *testing.B) {
			q := question(amelia("atrip-finance"), "amelia@example.com", "Finance")
			b.ReportAllocs()
			for b.Loop() {
				if !p.Decide(q).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}
