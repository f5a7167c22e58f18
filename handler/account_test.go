package handler_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

// brands is a policy for three accounts, each open to one group.
const brands = `
@id("default") permit(principal is Operator, action, resource)
	when { context.account == "default" && principal.groups.contains("default") };
@id("b") permit(principal is Operator, action, resource) when { context.account == "brand-b" && principal.groups.contains("b") };
@id("c") permit(principal is Operator, action, resource) when { context.account == "brand-c" && principal.groups.contains("c") };`

// newBrands returns a broker with two further accounts, each with its own
// simulator and secret, and the simulators by account.
func newBrands(t *testing.T) (b *broker, servers map[string]*atlastest.Server) {
	servers = map[string]*atlastest.Server{}
	b = newBroker(t, withPolicy(t, brands), func(c *handler.Config) {
		for _, name := range []string{"brand-b", "brand-c"} {
			server := atlastest.NewServer(&atlastest.Options{ClientID: name, ClientSecret: "secret of " + name})
			t.Cleanup(server.Close)
			servers[name] = server
			c.Accounts[name] = &handler.Account{
				Atlas: atlasClient(t, server.URL),
				Secret: &secret.Store{Fetch: func(context.Context, string) (secret.Credentials, error) {
					return secret.Credentials{ClientID: name, ClientSecret: redact.New("secret of " + name), Version: "1"}, nil
				}},
			}
		}
	})
	servers[handler.DefaultAccount] = b.atlas
	return b, servers
}

// A refusal does not reveal whether an account exists.
func TestAccount_Pick(t *testing.T) {
	t.Parallel()
	const (
		choose = "name one in the header x-atrip-account"
		denied = "with this user name and role"
	)
	for _, row := range []struct{ name, groups, header, account, refusal string }{
		{"the default one", "default", "", "default", ""},
		{"the only one permitted", "b", "", "brand-b", ""},
		{"the default one and another", `["b","default"]`, "", "default", ""},
		{"named", `["b","default"]`, "brand-b", "brand-b", ""},
		{"the default one, named", `["b","default"]`, "default", "default", ""},
		{"two others", `["b","c"]`, "", "default", choose},
		{"two others, one named", `["b","c"]`, "brand-c", "brand-c", ""},
		{"named, not permitted", "b", "brand-c", "brand-c", denied},
		{"named, not configured", "b", "brand-d", "", denied},
		{"named twice", "b", "brand-b brand-b", "", denied},
		{"none permitted", "d", "", "default", denied},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b, servers := newBrands(t)
			edits := []lambdatest.Edit{set(row.groups, "requestContext", "authorizer", "lambda", "groups")}
			for i, name := range strings.Fields(row.header) {
				edits = append(edits, headerSet([]string{"X-Atrip-Account", "x-atrip-account"}[i], name))
			}
			r := b.http(sample("http-api-lambda", edits...))
			line := b.audit()
			switch {
			case row.refusal == "" && r.StatusCode != 200:
				t.Errorf("HTTP %d: %s", r.StatusCode, r.Body)
			case row.refusal != "" && (r.StatusCode != 403 || !strings.Contains(r.Body, row.refusal) || strings.Contains(r.Body, "brand")):
				t.Errorf("HTTP %d: %s, want %q and no account", r.StatusCode, r.Body, row.refusal)
			case (line["account"] == nil) != (row.account == "") || row.account != "" && line["account"] != row.account:
				t.Errorf("the audit line's account is %v, want %q", line["account"], row.account)
			case row.account == "" && line["cause"] != "the header x-atrip-account names no configured account":
				t.Errorf("the audit line's cause is %v", line["cause"])
			case strings.Contains(b.log.String(), "brand-d"):
				t.Error("the log contains an unchecked account name")
			}
			for name, server := range servers {
				if called := len(server.Requests()) == 1; called != (row.refusal == "" && name == row.account) {
					t.Errorf("%s was called: %v", name, called)
				}
			}
		})
	}
}

func TestAccount_OwnBreaker(t *testing.T) {
	t.Parallel()
	b, servers := newBrands(t)
	servers["brand-b"].Close()
	ask := func(group string) string {
		return b.http(sample("http-api-lambda", set(group, "requestContext", "authorizer", "lambda", "groups"))).code(t)
	}
	for range 6 {
		if got := ask("b"); got != "AtlasUnavailable" {
			t.Fatal(got)
		}
	}
	if got := ask("default"); got != "OK" {
		t.Errorf("the default account: %s", got)
	}
}

// A candidate decides nothing; the audit line shows where it differs.
func TestCandidate_Compared(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) {
		c.Candidate = parsed(t, `
			@id("finance-only") permit(principal is Operator, action, resource) when { context.role == "Finance" };
			@id("errs") permit(principal is Operator, action, resource) when { context.none == 1 };`)
	})
	for _, row := range []struct {
		role, code string
		candidate  any
		differs    float64
	}{
		{"Customer service", "OK", map[string]any{"allowed": false, "policies": nil, "policyErrors": []any{"errs"}}, 1},
		{"Finance", "NotPermitted", map[string]any{"allowed": true, "policies": []any{"finance-only"}, "policyErrors": []any{"errs"}}, 1},
		{"Admin", "NotPermitted", nil, 0},
	} {
		event := sample("http-api-jwt", body(request(`"X1"`, `"amelia@example.com"`, quoted(row.role))))
		if got := b.http(event).code(t); got != row.code {
			t.Errorf("%s: %s", row.role, got)
		}
		line := b.audit()
		if diff := cmp.Diff(row.candidate, line["candidate"]); diff != "" || line["CandidateDiffers"] != row.differs {
			t.Errorf("%s: %v %s", row.role, line["CandidateDiffers"], diff)
		}
	}
	// Without a decision there is no comparison.
	b.http(sample("http-api-jwt", body("{}")))
	if _, ok := b.audit()["CandidateDiffers"]; ok {
		t.Error("an invalid request was compared")
	}
}
