package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/goccy/go-yaml"

	"atriptoken/policy"
)

// policyCases are one policy file's part of cases.yaml.
type policyCases struct {
	// Policy is the file's path, relative to the table.
	Policy string      `yaml:"policy"`
	Cases  []*testCase `yaml:"cases"`
}

// testCase is one caller who asks for one user name, in several roles.
type testCase struct {
	Who       string    `yaml:"who"` // describes the caller
	Principal principal `yaml:"principal"`
	As        string    `yaml:"as"` // the requested user name
	// Allow and Deny are the roles that must be permitted and denied.
	Allow []string `yaml:"allow"`
	Deny  []string `yaml:"deny"`
	// By, if set, is the id of the policy that must permit.
	By string `yaml:"by"`
	// Each of the rest has a default.
	Account string     `yaml:"account"`
	From    netip.Addr `yaml:"from"`
	At      rfc3339    `yaml:"at"`
}

// principal is a caller as the table writes it: one member is set, or Operator
// and the rest of their token.
type principal struct {
	Operator     string              `yaml:"operator"`
	Groups       []string            `yaml:"groups"`
	Issuer       string              `yaml:"issuer"`
	Claims       map[string][]string `yaml:"claims"`
	AWS          string              `yaml:"aws"`
	Service      string              `yaml:"service"`
	LoadBalancer string              `yaml:"load-balancer"`
	Anonymous    bool                `yaml:"anonymous"`
}

// rfc3339 makes the decoder use UnmarshalText: a bad time.Time is no error to it.
type rfc3339 struct{ time.Time }

var thursdayNoon = time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)

// parseCases reads a table. Unknown members are errors: a misspelt deny must
// not look like a case that denies nothing.
func parseCases(name string, text []byte) ([]policyCases, error) {
	var table struct {
		Files []policyCases `yaml:"files"`
	}
	if err := yaml.UnmarshalWithOptions(text, &table, yaml.Strict()); err != nil {
		if at := yaml.Error(nil); errors.As(err, &at) {
			position := at.GetToken().Position
			return nil, fmt.Errorf("%s:%d:%d: %s", name, position.Line, position.Column, at.GetMessage())
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(table.Files) == 0 {
		return nil, fmt.Errorf("%s: holds no cases", name)
	}
	var bad []error
	for _, f := range table.Files {
		for _, c := range f.Cases {
			if len(c.Principal.all()) != 1 {
				bad = append(bad, fmt.Errorf("%s: %s: %q: the principal must be one of operator, aws, service, load-balancer and anonymous",
					name, f.Policy, c.Who))
			}
			if len(c.Allow)+len(c.Deny) == 0 {
				bad = append(bad, fmt.Errorf("%s: %s: %q expects nothing; add allow or deny", name, f.Policy, c.Who))
			}
		}
	}
	return table.Files, errors.Join(bad...)
}

// all returns a principal for each kind that is set; a valid case sets one.
func (p principal) all() (all []policy.Principal) {
	account, _ := arn.Parse(p.AWS)
	for _, kind := range []struct {
		set       bool
		principal policy.Principal
	}{
		{p.Operator != "", policy.Operator(p.Issuer, "sub-of-"+p.Operator, p.Operator, p.Groups, p.Claims)},
		{p.AWS != "", policy.AwsPrincipal(p.AWS, account.AccountID)},
		{p.Service != "", policy.Service(p.Service)},
		{p.LoadBalancer != "", policy.LoadBalancer(p.LoadBalancer)},
		{p.Anonymous, policy.Anonymous()},
	} {
		if kind.set {
			all = append(all, kind.principal)
		}
	}
	return all
}

// decide decides the case in one role.
func (c *testCase) decide(rules *policy.Policy, role string) policy.Decision {
	return rules.Decide(policy.Question{
		Principal: c.Principal.all()[0],
		OrderNo:   "XPFIW20220209163159425", UserName: c.As, Role: role,
		Door: cmp.Or(c.Principal.Service, "api"), Account: cmp.Or(c.Account, "default"),
		SourceIP: c.From, Now: cmp.Or(c.At.Time, thursdayNoon),
	})
}

// matrix decides every case by the policy. It returns a table for a reviewer, a
// line per case and a column per role, and what is not as expected, which the
// table marks with "!".
func (f policyCases) matrix(rules *policy.Policy) (string, []error) {
	var roles []string
	for _, c := range f.Cases {
		roles = slices.Concat(roles, c.Allow, c.Deny)
	}
	slices.Sort(roles)
	roles = slices.Compact(roles)
	var text strings.Builder
	var bad []error
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\nwho\tas\twhen\t%s\n", f.Policy, strings.Join(roles, "\t"))
	for _, c := range f.Cases {
		fmt.Fprintf(table, "%s\t%s\t%s", c.Who, c.As, c.when())
		for _, role := range roles {
			want := slices.Contains(c.Allow, role)
			if !want && !slices.Contains(c.Deny, role) {
				fmt.Fprint(table, "\t.")
				continue
			}
			got := c.decide(rules, role)
			fmt.Fprint(table, "\t", map[bool]string{true: "yes", false: "no"}[got.Allowed])
			if got.Allowed != want || want && c.By != "" && !slices.Contains(got.Policies, c.By) {
				fmt.Fprint(table, " !")
				verdict := map[bool]string{true: "permitted", false: "denied"}
				bad = append(bad, fmt.Errorf("%s: %s, as %s, in %q: expected %s, is %s by %q",
					f.Policy, c.Who, c.As, role, verdict[want], verdict[got.Allowed], got.Policies))
			}
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // to memory
	return text.String(), bad
}

// when describes the members that are not defaults.
func (c *testCase) when() string {
	text := ""
	if c.From.IsValid() {
		text += ", from " + c.From.String()
	}
	if !c.At.IsZero() {
		text += ", at " + c.At.Format(time.RFC3339)
	}
	if c.Account != "" {
		text += ", account " + c.Account
	}
	return strings.TrimPrefix(text, ", ")
}
