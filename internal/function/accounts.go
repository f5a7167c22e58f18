package function

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
	"atriptoken/handler"
)

// account is an Atlas account's address and secret.
type account struct {
	baseURL   *url.URL
	hosts     atlas.Hosts
	secretARN string
	clientID  string
}

// accountName matches account names, which occur in policies, headers and audit lines.
var accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// checkAccounts reads ATRIP_ACCOUNTS: a JSON object of further accounts by name,
// each {"baseUrl","secretArn"}, and "clientId" and "portalHosts" if needed.
func (e *Environment) checkAccounts(f *faults) {
	const variable = "ATRIP_ACCOUNTS"
	if e.Accounts == "" {
		return
	}
	var written map[string]struct {
		BaseURL     string `json:"baseUrl"`
		SecretARN   string `json:"secretArn"`
		ClientID    string `json:"clientId"`
		PortalHosts string `json:"portalHosts"`
	}
	err := json.Unmarshal([]byte(e.Accounts), &written, json.RejectUnknownMembers(true))
	if err != nil {
		f.check(true, variable, `is not valid; write {"name":{"baseUrl":"https://…","secretArn":"…"}}, `+
			`if needed with clientId and portalHosts, and nothing else`)
		return
	}
	for name, w := range written {
		if name == handler.DefaultAccount || !accountName.MatchString(name) {
			f.check(true, fmt.Sprintf("%s names the account %q;", variable, name),
				"write 1 to 32 lower-case letters, digits and hyphens, and not %q", handler.DefaultAccount)
			continue
		}
		member := func(of string) string { return variable + " (" + name + ") " + of }
		a := account{secretARN: w.SecretARN, clientID: w.ClientID, hosts: e.hosts}
		a.baseURL, err = atlas.ParseBaseURL(w.BaseURL, e.SAMLocal)
		f.check(err != nil, member("baseUrl"), "%v", err)
		f.check(w.SecretARN == "" || !secretID(w.SecretARN), member("secretArn"), "is not the ARN or name of a secret")
		f.check(!plainWord(w.ClientID), member("clientId"), "is not a client id")
		if w.PortalHosts != "" {
			a.hosts, err = atlas.ParseHosts(w.PortalHosts)
			f.check(err != nil, member("portalHosts"), "%s", oneLine(err))
		}
		e.accounts[name] = a
	}
}

// secretID reports whether s can be the ARN or name of a secret.
func secretID(s string) bool { return len(s) <= 2048 && plainWord(s) }

// plainWord reports whether s is printable ASCII without spaces and without an
// unresolved CloudFormation reference.
func plainWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) && !isReference(s)
}

func isReference(s string) bool { return strings.Contains(s, "{{resolve:") }

// oneLine returns the text of joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(fmt.Sprint(err), "\n", ", ") }
