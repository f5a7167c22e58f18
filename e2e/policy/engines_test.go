package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"atriptoken/e2e/rig"
	"atriptoken/policy"
)

// requestsPerFile times four policy files make 100,000 requests.
const requestsPerFile = 25_000

// TestEngines decides random requests with cedar-go, as the function calls it,
// and with Cedar's own implementation. They must agree on the decision, the
// policies that decided and the number of errors, and every request must fit
// the schema.
func TestEngines(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"policy/default.cedar", "policy/examples/restricted.cedar", "policy/examples/identity-providers.cedar",
		"e2e/policy/testdata/operators.cedar",
	} {
		file := filepath.Join(rig.Root(), name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rules, err := policy.Parse(file, text)
			if err != nil {
				t.Fatal(err)
			}
			seed := rand.Uint64()
			r := random{rand.New(rand.NewPCG(seed, 0))}
			tests := make([]map[string]any, requestsPerFile)
			allowed := 0
			for i := range tests {
				question, test := r.request()
				decision := rules.Decide(question)
				test["name"], test["decision"] = fmt.Sprint(i), map[bool]string{true: "allow", false: "deny"}[decision.Allowed]
				test["reason"], test["num_errors"] = append([]string{}, decision.Policies...), len(decision.Errors)
				tests[i] = test
				if decision.Allowed {
					allowed++
				}
			}
			t.Logf("seed %d: %d of %d requests are permitted", seed, allowed, len(tests))
			if allowed < 100 || allowed > len(tests)-100 {
				t.Error("too few or too many to compare")
			}
			input, err := json.Marshal(tests)
			if err != nil {
				t.Fatal(err)
			}
			testsFile := filepath.Join(t.TempDir(), "tests.json")
			if err := os.WriteFile(testsFile, input, 0o600); err != nil {
				t.Fatal(err)
			}
			out, _, err := rig.Output(t, nil, cedar, "run-tests", "--policies", file, "--tests", testsFile,
				"--schema", "policy/schema.cedarschema")
			if err != nil || !strings.HasSuffix(out, fmt.Sprintf("results: %d passed, 0 failed\n", requestsPerFile)) {
				i := max(strings.Index(out, "... fail"), strings.Index(out, "... error"), 0)
				t.Errorf("%v: %s", err, out[i:min(len(out), i+2000)])
			}
		})
	}
}

// random makes requests that often match a policy.
type random struct{ *rand.Rand }

func (r random) pick(values ...string) string { return values[r.IntN(len(values))] }

// text is one of the values, or now and then a text of difficult characters.
func (r random) text(values ...string) string {
	if r.IntN(20) > 0 {
		return r.pick(values...)
	}
	characters := []rune("aA*\\\"'[], \t\u00a0\u200b\u202e\u3000\u0301é客\U0001f600\x00")
	text := make([]rune, r.IntN(4))
	for i := range text {
		text[i] = characters[r.IntN(len(characters))]
	}
	return string(text)
}

func (r random) texts(values ...string) []string {
	texts := make([]string, r.IntN(5))
	for i := range texts {
		texts[i] = r.text(values...)
	}
	return texts
}

// request returns one request as a question to cedar-go, and as a test of Cedar's
// command line.
func (r random) request() (policy.Question, map[string]any) {
	var (
		names  = []string{"amelia@example.com", "amelia@example.com", "Amelia@example.com", "a@example.com"}
		groups = []string{"atrip-customer-service", "atrip-finance", "atrip-developer", "atrip-admin",
			"00000000-0000-0000-0000-0000000000c5", "00000000-0000-0000-0000-0000000000ad"}
		issuers = []string{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example",
			"https://login.microsoftonline.com/00000000-0000-0000-0000-00000000aaaa/v2.0", "https://login.example.com"}
		addresses = []string{"203.0.113.7", "203.0.113.77", "127.0.0.1", "2001:db8:aa::7", "2001:db8:ab::7", "ff02::1", "::ffff:203.0.113.7"}
	)
	q := policy.Question{
		OrderNo: r.text("X1", "X*"), UserName: r.text(names[0]), Role: r.text("Customer service", "Finance", "Developer", "Admin", "amr"),
		Door: r.pick("api", "service", "unqualified"), Account: r.text("default", "default", "default", "brand-b"),
		Now: time.UnixMilli(1773273600000 + r.Int64N(2*24*time.Hour.Milliseconds())), // from 2026-03-12
	}
	context := map[string]any{
		"userName": q.UserName, "role": q.Role, "door": q.Door, "account": q.Account,
		"now": types.NewDatetime(q.Now),
	}
	if r.IntN(4) > 0 {
		q.SourceIP = netip.MustParseAddr(r.pick(addresses...))
		address := q.SourceIP.Unmap()
		context["sourceIp"] = types.IPAddr(netip.PrefixFrom(address, address.BitLen()))
	}
	var id string
	attributes, tags := map[string]any{}, map[string][]string{}
	kind := "Operator"
	if r.IntN(3) == 0 {
		kind = r.pick("AwsPrincipal", "Service", "LoadBalancer", "Anonymous")
	}
	switch kind {
	case "Operator":
		id = r.text("00u1", "00u2")
		name, issuer, in := r.text(names...), r.text(issuers...), r.texts(groups...)
		for range r.IntN(3) {
			tags[r.text("amr", "cognito:groups")] = r.texts(append(groups, "mfa")...)
		}
		q.Principal = policy.Operator(issuer, id, name, in, tags)
		attributes = map[string]any{"name": name, "issuer": issuer, "groups": in}
	case "AwsPrincipal":
		id = r.text("arn:aws:iam::123456789012:user/a", "arn:aws:iam::123456789012:user/b")
		account := r.text("123456789012")
		q.Principal = policy.AwsPrincipal(id, account)
		attributes = map[string]any{"arn": id, "account": account}
	case "Service":
		id = r.pick("service", "unqualified")
		q.Principal = policy.Service(id)
	case "LoadBalancer":
		id = r.text("targetgroup/a")
		q.Principal = policy.LoadBalancer(id)
	}
	// The command line refuses an id that is not escaped exactly as it does itself.
	principal, order := types.NewEntityUID(types.EntityType(kind), types.String(id)), types.NewEntityUID("Order", types.String(q.OrderNo))
	return q, map[string]any{
		"request": map[string]any{
			"principal": principal.String(), "action": `Action::"openPortal"`, "resource": order.String(), "context": context,
		},
		"entities": []map[string]any{
			{"uid": principal, "attrs": attributes, "parents": []string{}, "tags": tags},
			{"uid": order, "attrs": map[string]any{}, "parents": []string{}},
		},
	}
}
