package function

import (
	"maps"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
	"atriptoken/handler"
)

// account is where an Atlas account is, and where its secret.
type account struct {
	baseURL   *url.URL
	hosts     atlas.Hosts
	secretARN string
	clientID  string
}

// allAccounts returns every account by name, the one of the ATLAS_ variables as
// handler.DefaultAccount.
func (e Environment) allAccounts() map[string]account {
	all := make(map[string]account, 1+len(e.accounts))
	maps.Copy(all, e.accounts)
	all[handler.DefaultAccount] = account{baseURL: e.baseURL, hosts: e.hosts, secretARN: e.SecretARN, clientID: e.ClientID}
	return all
}

// checkAccounts reads ATRIP_ACCOUNTS: a JSON object of further accounts by
// name, each {"baseUrl","secretArn"} with "clientId" and "portalHosts" where
// the ATLAS_ variables of these names would be set. Every bad one is named.
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
		bad.add(variable, `is not valid; write {"name":{"baseUrl":"https://…","secretArn":"…"}}, with clientId and portalHosts where needed and nothing else`)
		return
	}
	e.accounts = make(map[string]account, len(written))
	for name, w := range written {
		if err := handler.CheckAccountName(name); err != nil {
			bad.add(variable, "is not valid: %v", err)
			continue
		}
		at := variable + " (" + name + ")"
		a := account{secretARN: w.SecretARN, clientID: w.ClientID, hosts: e.hosts}
		var err error
		if a.baseURL, err = atlas.ParseBaseURL(w.BaseURL, e.SAMLocal); err != nil {
			bad.add(at, "baseUrl %v", err)
		}
		if w.SecretARN == "" || !secretID(w.SecretARN) {
			bad.add(at, "secretArn is not the ARN or name of a secret")
		}
		if !plainWord(w.ClientID) {
			bad.add(at, "clientId is not a client id")
		}
		if w.PortalHosts != "" {
			if a.hosts, err = atlas.ParseHosts(w.PortalHosts); err != nil {
				bad.add(at, "portalHosts %s", strings.ReplaceAll(err.Error(), "\n", ", "))
			}
		}
		e.accounts[name] = a
	}
}

// secretID reports whether s can be the ARN or name of a secret.
func secretID(s string) bool { return len(s) <= 2048 && plainWord(s) }

// plainWord reports whether s is printable ASCII without spaces and without a
// reference that nobody has resolved.
func plainWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) && !strings.Contains(s, "{{resolve:")
}
