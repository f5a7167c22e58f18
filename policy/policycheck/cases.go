package policycheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"atriptoken/policy"
)

// Table is a table of cases: who may open the portal, as whom, in which role.
type Table struct {
	// Files are the policy files that the table is about, in its order.
	Files []File `yaml:"files"`
}

// File is one policy file's part of the table.
type File struct {
	// Policy is the file's name, beside the table.
	Policy string `yaml:"policy"`
	Cases  []Case `yaml:"cases"`
}

// Case is one caller who asks as one person, in several roles.
type Case struct {
	// Who says in words who asks.
	Who string `yaml:"who"`
	// Principal is who asks: exactly one of its members is set.
	Principal Principal `yaml:"principal"`
	// As is the user name that is asked for.
	As string `yaml:"as"`
	// Allow and Deny are the roles that have to be permitted and denied.
	Allow []string `yaml:"allow"`
	Deny  []string `yaml:"deny"`
	// By, if set, is the id of the policy that has to decide.
	By string `yaml:"by"`
	// Order is the order number; empty means an example's.
	Order string `yaml:"order"`
	// Account is the Atlas account; empty means "default".
	Account string `yaml:"account"`
	// From is the source address; empty means none.
	From string `yaml:"from"`
	// At is the time in RFC 3339; empty means a Thursday at noon, UTC.
	At string `yaml:"at"`
}

// Principal is a principal as the table writes it.
type Principal struct {
	// Operator is an operator's name, with what else their token says.
	Operator string              `yaml:"operator"`
	Groups   []string            `yaml:"groups"`
	Issuer   string              `yaml:"issuer"`
	Claims   map[string][]string `yaml:"claims"`
	// AWS is an ARN.
	AWS string `yaml:"aws"`
	// Service is an alias.
	Service string `yaml:"service"`
	// LoadBalancer is a target group's ARN.
	LoadBalancer string `yaml:"load-balancer"`
	// Anonymous is nobody.
	Anonymous bool `yaml:"anonymous"`
}

const (
	exampleOrder   = "XPFIW20220209163159425"
	exampleTime    = "2026-03-12T12:00:00Z"
	defaultAccount = "default"
)

// ParseTable reads a table. Members that it does not know are errors: a
// misspelt deny must not pass for a case that denies nothing.
func ParseTable(name string, text []byte) (*Table, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var t Table
	if err := decoder.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var bad []error
	add := func(format string, args ...any) { bad = append(bad, fmt.Errorf(name+": "+format, args...)) }
	if len(t.Files) == 0 {
		add("holds no cases")
	}
	for _, f := range t.Files {
		for _, c := range f.Cases {
			if _, err := c.question(""); err != nil {
				add("%s: %q: %w", f.Policy, c.Who, err)
			}
			if len(c.Allow)+len(c.Deny) == 0 {
				add("%s: %q expects nothing; give it allow or deny", f.Policy, c.Who)
			}
		}
	}
	return &t, errors.Join(bad...)
}

// question is what the policy is asked for the case in one role.
func (c Case) question(role string) (policy.Question, error) {
	q := policy.Question{OrderNo: c.Order, UserName: c.As, Role: role, Door: "api", Account: c.Account}
	if q.OrderNo == "" {
		q.OrderNo = exampleOrder
	}
	if q.Account == "" {
		q.Account = defaultAccount
	}
	var err error
	if c.From != "" {
		if q.SourceIP, err = netip.ParseAddr(c.From); err != nil {
			return q, err
		}
	}
	at := c.At
	if at == "" {
		at = exampleTime
	}
	if q.Now, err = time.Parse(time.RFC3339, at); err != nil {
		return q, err
	}
	p, set := c.Principal, 0
	if p.Operator != "" {
		set++
		q.Principal = policy.Operator(p.Issuer, "sub-of-"+p.Operator, p.Operator, p.Groups, func() map[string][]string { return p.Claims })
	}
	if p.AWS != "" {
		set++
		q.Principal = policy.AwsPrincipal(p.AWS, account(p.AWS))
	}
	if p.Service != "" {
		set++
		q.Principal, q.Door = policy.Service(p.Service), p.Service
	}
	if p.LoadBalancer != "" {
		set++
		q.Principal = policy.LoadBalancer(p.LoadBalancer)
	}
	if p.Anonymous {
		set++
		q.Principal = policy.Anonymous()
	}
	if set != 1 {
		return q, fmt.Errorf("the principal has to be one of operator, aws, service, load-balancer and anonymous")
	}
	return q, nil
}

// account is the account in an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:….
func account(arn string) string {
	parts := bytes.SplitN([]byte(arn), []byte(":"), 6)
	if len(parts) < 6 {
		return ""
	}
	return string(parts[4])
}

// Result is what a policy decided on one case in one role.
type Result struct {
	Case     Case
	Role     string
	Want     bool
	Decision policy.Decision
}

// OK reports whether the decision is the expected one, by the expected policy.
func (r Result) OK() bool {
	return r.Decision.Allowed == r.Want && (r.Case.By == "" || !r.Want || slices.Contains(r.Decision.Policies, r.Case.By))
}

// String tells the case, what was expected and what was decided.
func (r Result) String() string {
	want := map[bool]string{true: "permitted", false: "denied"}
	return fmt.Sprintf("%s, as %s, in %q: expected %s, is %s by %q", r.Case.Who, r.Case.As, r.Role, want[r.Want], want[r.Decision.Allowed], r.Decision.Policies)
}

// Run asks the policy about every case of its file.
func (f File) Run(p *policy.Policy) []Result {
	var results []Result
	for _, c := range f.Cases {
		for _, side := range []struct {
			roles []string
			want  bool
		}{{c.Allow, true}, {c.Deny, false}} {
			for _, role := range side.roles {
				q, err := c.question(role)
				if err != nil {
					panic("policycheck: a table that ParseTable has not read: " + err.Error())
				}
				results = append(results, Result{Case: c, Role: role, Want: side.want, Decision: p.Decide(q)})
			}
		}
	}
	return results
}
