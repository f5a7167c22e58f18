package function

import (
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
func (e *Environment) checkAccounts(bad *faults) {
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
	if json.Unmarshal([]byte(e.Accounts), &written, json.RejectUnknownMembers(true)) != nil {
		bad.add(variable, `is not valid; write {"name":{"baseUrl":"https://…","secretArn":"…"}}, `+
			`if needed with clientId and portalHosts, and nothing else`)
		return
	}
	for name, w := range written {
		if name == handler.DefaultAccount || !accountName.MatchString(name) {
			bad.add(variable, "names the account %q; write 1 to 32 lower-case letters, digits and hyphens, and not %q",
				name, handler.DefaultAccount)
			continue
		}
		in := variable + " (" + name + ")"
		a := account{secretARN: w.SecretARN, clientID: w.ClientID, hosts: e.hosts}
		var err error
		if a.baseURL, err = atlas.ParseBaseURL(w.BaseURL, e.SAMLocal); err != nil {
			bad.add(in, "baseUrl %v", err)
		}
		if w.SecretARN == "" || !secretID(w.SecretARN) {
			bad.add(in, "secretArn is not the ARN or name of a secret")
		}
		if !plainWord(w.ClientID) {
			bad.add(in, "clientId is not a client id")
		}
		if w.PortalHosts != "" {
			if a.hosts, err = atlas.ParseHosts(w.PortalHosts); err != nil {
				bad.add(in, "portalHosts %s", oneLine(err))
			}
		}
		e.accounts[name] = a
	}
}

// secretID reports whether s can be the ARN or name of a secret.
func secretID(s string) bool { return len(s) <= 2048 && plainWord(s) }

// plainWord reports whether s is printable ASCII without spaces and without an
// unresolved CloudFormation reference.
func plainWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) && !strings.Contains(s, "{{resolve:")
}

// oneLine returns the text of joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", ", ") }
