package main

import (
	"errors"
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

// choose chooses an operator on the page of an authorization request.
func choose(t *testing.T, page, operator string) (*http.Response, string) {
	t.Helper()
	return send(t, "POST", page, url.Values{"operator": {operator}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// code signs Amelia in, and returns her code.
func (a addresses) code(t *testing.T) string {
	t.Helper()
	client := a.client()
	response, body := choose(t, client.AuthCodeURL("s1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("n1")), "amelia@example.com")
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
	at := start(t)
	client, used := at.client(), at.code(t)
	tokens, err := client.Exchange(t.Context(), used, oauth2.VerifierOption(verifier))
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

	other := client
	other.ClientID = "other"
	for _, row := range []struct {
		what              string
		client            oauth2.Config
		code, name, value string
	}{
		{"another verifier", client, at.code(t), "code_verifier", "other"},
		{"another client", other, at.code(t), "", ""},
		{"another page", client, at.code(t), "redirect_uri", at.Console},
		{"another grant", client, at.code(t), "grant_type", "password"},
		{"a used code", client, used, "", ""},
	} {
		_, err := row.client.Exchange(t.Context(), row.code, oauth2.VerifierOption(verifier), oauth2.SetAuthURLParam(row.name, row.value))
		refusal, _ := errors.AsType[*oauth2.RetrieveError](err)
		if refusal == nil || refusal.ErrorCode != "invalid_grant" {
			t.Errorf("%s: %v, want invalid_grant", row.what, err)
		}
	}
}

func TestSignIn_RefusesRequests(t *testing.T) {
	at := start(t)
	client := at.client()
	auth := func(name, value string) string {
		return client.AuthCodeURL(`"><script>`, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam(name, value))
	}
	_, page := send(t, "GET", auth("ui_locales", "en"), "")
	if !strings.Contains(page, `value="amelia@example.com"`) || strings.Contains(page, "<script>") {
		t.Errorf("the page has no button, or the state is markup:\n%s", page)
	}
	for _, row := range []struct{ name, page, operator, says string }{
		{"another client", auth("client_id", "other"), "amelia@example.com", "client_id=atrip-console"},
		{"a page of another origin", auth("redirect_uri", "http://other.example.com/"), "amelia@example.com", "redirect_uri on " + at.Console},
		{"an origin that only begins alike", auth("redirect_uri", at.Console+"0/"), "amelia@example.com", "redirect_uri on "},
		{"the implicit flow", auth("response_type", "token"), "amelia@example.com", "response_type=code"},
		{"no challenge", auth("code_challenge", ""), "amelia@example.com", "a code_challenge"},
		{"a plain challenge", auth("code_challenge_method", "plain"), "amelia@example.com", "code_challenge_method=S256"},
		{"an unknown operator", auth("state", "s1"), "eve@example.com", "user must be one of amelia@example.com"},
	} {
		if response, body := choose(t, row.page, row.operator); response.StatusCode != 400 || !strings.Contains(body, row.says) {
			t.Errorf("%s: %d %s, want 400 and %q", row.name, response.StatusCode, body, row.says)
		}
	}
	for query, says := range map[string]string{
		"user=eve@example.com":                "user must be one of amelia@example.com",
		"user=finn@example.com&lifetime=soon": "lifetime must be a duration",
		"user=finn@example.com&lifetime=0s":   "lifetime must be a duration",
	} {
		if response, body := send(t, "GET", at.Issuer+"/dev-token?"+query, ""); response.StatusCode != 400 || !strings.Contains(body, says) {
			t.Errorf("a token for %s: %d %s, want 400 and %q", query, response.StatusCode, body, says)
		}
	}
}
