package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"atriptoken/cmd/local/internal/idp"
)

const verifier = "a-verifier-of-at-least-forty-three-characters-0123"

// client is the console as a client of the identity provider.
func (a addresses) client() oauth2.Config {
	return oauth2.Config{
		ClientID: idp.ClientID, RedirectURL: a.Console + "/signed-in", Scopes: []string{oidc.ScopeOpenID, idp.Scope},
		Endpoint: oauth2.Endpoint{AuthURL: a.Issuer + "/auth", TokenURL: a.Issuer + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// post sends a form from the console's page.
func (a addresses) post(t *testing.T, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	return send(t, "POST", address, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", a.Console)
}

// code signs Amelia in, and returns her code.
func (a addresses) code(t *testing.T) string {
	t.Helper()
	client := a.client()
	page := client.AuthCodeURL("s1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("n1"))
	response, body := a.post(t, page, url.Values{"operator": {"amelia@example.com"}})
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(back.String(), client.RedirectURL+"?") {
		t.Fatalf("status %d, sent back to %s, %v: %s", response.StatusCode, back, err, body)
	}
	if back.Query().Get("state") != "s1" || back.Query().Get("iss") != a.Issuer {
		t.Errorf("sent back to %s", back)
	}
	return back.Query().Get("code")
}

func TestSignIn_Tokens(t *testing.T) {
	at, _ := runJSON(t)
	client := at.client()
	tokens, err := client.Exchange(t.Context(), at.code(t), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := at.call(t, tokens.AccessToken, order); status != http.StatusOK {
		t.Errorf("the access token is answered with %d %v", status, answer)
	}
	provider, err := oidc.NewProvider(t.Context(), at.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: idp.ClientID}).Verify(t.Context(), raw)
	if err != nil || id.Nonce != "n1" || id.Subject != "amelia@example.com" {
		t.Errorf("id token %+v, %v", id, err)
	}
}

func TestSignIn_RefusesRequests(t *testing.T) {
	at, _ := runJSON(t)
	client := at.client()
	auth := func(name, value string) string {
		return client.AuthCodeURL(`"><script>`, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam(name, value))
	}
	_, page := send(t, "GET", auth("ui_locales", "en"), "")
	if !strings.Contains(page, `value="amelia@example.com"`) || strings.Contains(page, "<script>") {
		t.Errorf("the page has no button, or the state is markup:\n%s", page)
	}
	dev := at.Issuer + "/dev-token?"
	for _, row := range []struct{ name, address, operator, says string }{
		{"another client", auth("client_id", "other"), "amelia@example.com", "client_id=atrip-console"},
		{"a page of another origin", auth("redirect_uri", "http://other.example.com/"), "amelia@example.com", "redirect_uri on " + at.Console},
		{"an origin that only begins alike", auth("redirect_uri", at.Console+"0/"), "amelia@example.com", "redirect_uri on "},
		{"the implicit flow", auth("response_type", "token"), "amelia@example.com", "response_type=code"},
		{"no challenge", auth("code_challenge", ""), "amelia@example.com", "a code_challenge"},
		{"a plain challenge", auth("code_challenge_method", "plain"), "amelia@example.com", "code_challenge_method=S256"},
		{"an unknown operator", auth("state", "s1"), "eve@example.com", "user must be one of amelia@example.com"},
		{"a token of an unknown operator", dev + "user=eve@example.com", "", "user must be one of amelia@example.com"},
		{"a lifetime that is not one", dev + "user=finn@example.com&lifetime=soon", "", "lifetime must be a duration"},
		{"a lifetime of zero", dev + "user=finn@example.com&lifetime=0s", "", "lifetime must be a duration"},
	} {
		response, body := at.post(t, row.address, url.Values{"operator": {row.operator}})
		if row.operator == "" {
			response, body = send(t, "GET", row.address, "")
		}
		if response.StatusCode != 400 || !strings.Contains(body, row.says) {
			t.Errorf("%s: %d %s, want 400 and %q", row.name, response.StatusCode, body, row.says)
		}
	}
}

func TestSignIn_RefusesCodes(t *testing.T) {
	at, _ := runJSON(t)
	exchange := func(code, name, value string) (*http.Response, string) {
		form := url.Values{
			"grant_type": {"authorization_code"}, "client_id": {idp.ClientID}, "redirect_uri": {at.client().RedirectURL},
			"code": {code}, "code_verifier": {verifier},
		}
		form.Set(name, value)
		return at.post(t, at.Issuer+"/token", form)
	}
	used := at.code(t)
	response, _ := exchange(used, "unknown", "")
	if response.StatusCode != http.StatusOK || response.Header.Get("Access-Control-Allow-Origin") != at.Console {
		t.Errorf("a good code: %d, headers %v", response.StatusCode, response.Header)
	}
	for _, row := range []struct{ what, code, name, value string }{
		{"another verifier", at.code(t), "code_verifier", "other"},
		{"another client", at.code(t), "client_id", "other"},
		{"another page", at.code(t), "redirect_uri", at.Console},
		{"another grant", at.code(t), "grant_type", "password"},
		{"a used code", used, "unknown", ""},
	} {
		response, body := exchange(row.code, row.name, row.value)
		if response.StatusCode != 400 || body != `{"error":"invalid_grant"}` {
			t.Errorf("%s: %d %s, want 400 invalid_grant", row.what, response.StatusCode, body)
		}
	}
}
