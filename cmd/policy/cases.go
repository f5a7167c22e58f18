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
func (p principal) all() []policy.Principal {
	var all []policy.Principal
	if p.Operator != "" {
		all = append(all, policy.Operator(p.Issuer, "sub-of-"+p.Operator, p.Operator, p.Groups, p.Claims))
	}
	if p.AWS != "" {
		parsed, _ := arn.Parse(p.AWS)
		all = append(all, policy.AwsPrincipal(p.AWS, parsed.AccountID))
	}
	if p.Service != "" {
		all = append(all, policy.Service(p.Service))
	}
	if p.LoadBalancer != "" {
		all = append(all, policy.LoadBalancer(p.LoadBalancer))
	}
	if p.Anonymous {
		all = append(all, policy.Anonymous())
	}
	return all
}

// result is a policy's decision on one case in one role.
type result struct {
	*testCase
	role     string
	want     bool
	decision policy.Decision
}

// run decides every case of the file by the policy.
func (f policyCases) run(rules *policy.Policy) []result {
	var results []result
	for _, c := range f.Cases {
		for _, role := range slices.Concat(c.Allow, c.Deny) {
			results = append(results, result{c, role, slices.Contains(c.Allow, role), rules.Decide(policy.Question{
				Principal: c.Principal.all()[0],
				OrderNo:   "XPFIW20220209163159425", UserName: c.As, Role: role,
				Door: cmp.Or(c.Principal.Service, "api"), Account: cmp.Or(c.Account, "default"),
				SourceIP: c.From, Now: cmp.Or(c.At.Time, thursdayNoon),
			})})
		}
	}
	return results
}

// ok reports whether the decision is the expected one, by the expected policy.
func (r result) ok() bool {
	return r.decision.Allowed == r.want && (r.By == "" || !r.want || slices.Contains(r.decision.Policies, r.By))
}

func (r result) String() string {
	verdict := map[bool]string{true: "permitted", false: "denied"}
	return fmt.Sprintf("%s, as %s, in %q: expected %s, is %s by %q",
		r.Who, r.As, r.role, verdict[r.want], verdict[r.decision.Allowed], r.decision.Policies)
}

// matrix returns the results as a table for a reviewer: a line per case, a
// column per role. "!" marks a result that is not ok.
func (f policyCases) matrix(results []result) string {
	var roles []string
	for _, r := range results {
		roles = append(roles, r.role)
	}
	slices.Sort(roles)
	roles = slices.Compact(roles)
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\nwho\tas\twhen\t%s\n", f.Policy, strings.Join(roles, "\t"))
	for _, c := range f.Cases {
		fmt.Fprintf(table, "%s\t%s\t%s", c.Who, c.As, c.when())
		for _, role := range roles {
			cell := "."
			if i := slices.IndexFunc(results, func(r result) bool { return r.testCase == c && r.role == role }); i >= 0 {
				cell = map[bool]string{true: "yes", false: "no"}[results[i].decision.Allowed]
				if !results[i].ok() {
					cell += " !"
				}
			}
			fmt.Fprint(table, "\t"+cell)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // to memory
	return text.String()
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
