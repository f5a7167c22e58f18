package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// attempt is a request to the system with a provider's token. A mistake changes
// one of its parts.
type attempt struct {
	Issuer, Audience, NameClaim, GroupsClaim, Policy string

	claims map[string]any
	token  string // in place of a token with the claims
	body   string
}

// mistakes are those of the tables in docs/identity-providers.md.
var mistakes = map[string]func(*attempt){
	"the page sends the access token": func(a *attempt) {
		if a.claims["token_use"] == nil {
			a.token = "ya29.a0AfExampleOpaque"
			return
		}
		a.claims["client_id"], a.claims["token_use"], a.claims["username"] = a.claims["aud"], "access", a.claims["cognito:username"]
		a.without("aud", "email", "email_verified", "cognito:username", "identities")
	},
	"the address is not verified":                        func(a *attempt) { a.claims["email_verified"] = false },
	"`OperatorGroupsClaim` is left at `groups`":          func(a *attempt) { a.GroupsClaim = "groups" },
	"the manifest still says version 1":                  func(a *attempt) { a.claims = tokenClaims("entra-v1.json") },
	"`JwtAudience` is the application id URI, `api://…`": func(a *attempt) { a.Audience = "api://example" },
	"the page does not request `profile`":                func(a *attempt) { a.without("preferred_username", "name", "oid", "tid") },
	"the page sends the name in another case": func(a *attempt) {
		a.body = strings.Replace(a.body, "{", `{"userName":"Amelia@example.com",`, 1)
	},
	"the policy names the groups, not their object ids": func(a *attempt) { a.Policy = defaultPolicy },
	"the person is in more than 200 groups": func(a *attempt) {
		a.without("groups")
		a.claims["_claim_names"] = map[string]string{"groups": "src1"}
		a.claims["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.example.com/getMemberObjects"}}
	},
	"`JwtIssuer` lacks the slash": func(a *attempt) { a.Issuer = strings.TrimSuffix(a.Issuer, "/") },
	"`OperatorNameClaim` is `preferred_username`": func(a *attempt) {
		a.NameClaim = "preferred_username"
	},
	"a token of the org authorization server":       func(a *attempt) { a.claims["iss"] = "https://example.okta.com" },
	"the claim `email` was not added":               func(a *attempt) { a.without("email") },
	"the groups filter matches nothing":             func(a *attempt) { a.claims["groups"] = []string{} },
	"the default policy, which needs groups":        func(a *attempt) { a.Policy = defaultPolicy },
	"a personal account":                            func(a *attempt) { a.without("hd") },
	"no audience mapper":                            func(a *attempt) { a.claims["aud"] = "account" },
	"the issuer is another host name of the server": func(a *attempt) { a.claims["iss"] = "http://keycloak:8080/realms/agency" },
	"\"Full group path\" is on":                     func(a *attempt) { a.claims["groups"] = []string{"/atrip-finance"} },
	"`OperatorGroupsClaim` is the object `realm_access`": func(a *attempt) {
		a.GroupsClaim = "realm_access"
		a.claims["realm_access"] = map[string]any{"roles": []string{"atrip-finance"}}
	},
}

func (a *attempt) without(claims ...string) {
	for _, name := range claims {
		delete(a.claims, name)
	}
}

// TestProviders sends each token of docs/identity-providers.md through the system
// with the page's settings, then makes each mistake of the page.
func TestProviders(t *testing.T) {
	text, err := os.ReadFile("docs/identity-providers.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, cedar, _ := strings.Cut(page, "```cedar\n")
	cedar, _, _ = strings.Cut(cedar, "```")
	policies := map[string]string{"Google": write(t, "google.cedar", cedar), "Entra, groups": "policy/examples/identity-providers.cedar"}

	made := map[string]bool{}
	row := regexp.MustCompile("(?m)^\\| (.+) \\| `(.+)` \\| `(.+)` \\| `(.+)` \\| `(.+)` \\| .*/(.+)\\) \\|$")
	providers := row.FindAllStringSubmatch(page, -1)
	for _, p := range providers {
		rows := regexp.MustCompile(`(?m)^\| `+p[1]+` \| (.+) \| (\d+) \| (.+) \|$`).FindAllStringSubmatch(page, -1)
		for _, row := range append(rows, []string{"", "no mistake", "200", "link"}) {
			mistake, status, audit := row[1], row[2], row[3]
			a := &attempt{
				Issuer: p[2], Audience: p[3], NameClaim: p[4], GroupsClaim: p[5], Policy: cmp.Or(policies[p[1]], defaultPolicy),
				claims: tokenClaims(p[6]), body: order,
			}
			if mistakes[mistake] != nil {
				mistakes[mistake](a)
				made[mistake] = true
			} else if mistake != "no mistake" {
				t.Errorf("the test cannot make the mistake %q", mistake)
			}
			t.Run(p[1]+"/"+mistake, func(t *testing.T) { a.check(t, key, status, audit) })
		}
	}
	if len(providers) < 7 || len(made) != len(mistakes) {
		t.Errorf("the page has %d providers, and %d of %d mistakes: is the pattern still right?", len(providers), len(made), len(mistakes))
	}
}

// tokenClaims returns the claims of a token in testdata, as if issued now.
func tokenClaims(file string) map[string]any {
	var claims map[string]any
	text, err := os.ReadFile("cmd/local/testdata/identity-providers/" + file)
	if err = errors.Join(err, json.Unmarshal(text, &claims)); err != nil {
		panic(err)
	}
	delete(claims, "nbf")
	claims["iat"], claims["exp"] = time.Now().Unix()-1, time.Now().Add(time.Hour).Unix()
	return claims
}

// transport answers requests itself.
type transport func(*http.Request) *http.Response

// RoundTrip answers one request.
func (answer transport) RoundTrip(r *http.Request) (*http.Response, error) { return answer(r), nil }

// issuerOf serves an issuer's discovery document and keys, under any host name.
func issuerOf(issuer string, key *rsa.PrivateKey) transport {
	documents := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	documents.SetIssuer(issuer)
	return func(r *http.Request) *http.Response {
		r = r.Clone(r.Context())
		r.URL.Path = path.Clean("/" + strings.TrimPrefix(r.URL.String(), issuer))
		recorder := httptest.NewRecorder()
		documents.ServeHTTP(recorder, r)
		return recorder.Result()
	}
}

// check makes the attempt at a system with its settings, whose issuer signs with
// the key, and compares the answer and the audit line.
func (a *attempt) check(t *testing.T, key *rsa.PrivateKey, status, audit string) {
	t.Helper()
	policy, _ := filepath.Abs(a.Policy) // cannot fail
	config := write(t, "local.yaml", fmt.Sprintf("issuer: %q\naudience: %q\nnameClaim: %q\ngroupsClaim: %q\npolicy: %q\n",
		a.Issuer, a.Audience, a.NameClaim, a.GroupsClaim, policy))
	at := startIn(oidc.ClientContext(context.Background(), &http.Client{Transport: issuerOf(a.Issuer, key)}), t, "-config", config)
	if a.token == "" {
		text, _ := json.Marshal(a.claims) // cannot fail
		a.token = oidctest.SignIDToken(key, "k", oidc.RS256, string(text))
	}
	response, body := send(t, "POST", at.API, a.body, "Content-Type", "application/json", "Authorization", a.token)
	if fmt.Sprint(response.StatusCode) != status {
		t.Errorf("answer %d %s, want %s", response.StatusCode, body, status)
	}
	lines := at.out.String()
	line := map[string]any{}
	if text := regexp.MustCompile(`(?m)^.*"message":"request".*$`).FindString(lines); text != "" {
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
	}
	reason, isReason := strings.CutPrefix(audit, "`unidentified`: ")
	switch {
	case isReason && line["unidentified"] == reason,
		audit == "none" && len(line) == 0,
		audit == "neither `unidentified` nor `policies`" && len(line) > 0 && line["unidentified"] == nil && line["policies"] == nil,
		audit == "`operatorName` is not `userName`" && line["operatorName"] != line["userName"],
		audit == "link" && line["outcome"] == "OK":
	default:
		t.Errorf("the page says %s, the log\n%s", audit, lines)
	}
}
