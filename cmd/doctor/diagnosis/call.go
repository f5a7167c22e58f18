package diagnosis

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"atriptoken/handler"
	"atriptoken/internal/probe"
)

// codeFixes says what to do about each error code that a call through the stack may return.
var codeFixes = map[handler.Code]string{
	handler.InvalidRequest:   "check -order, -user and -role against what the detail names",
	handler.NotPermitted:     "the policy does not permit this identity: check the token's name and groups claims, and policies/default.cedar",
	handler.NotFound:         "check the domain's API mapping: the broker answers at /getAtripToken.do only",
	handler.AtlasRateLimited: "wait and try again; if it lasts, ask Atlas for a higher limit",
	handler.AtlasFailed:      "docs/runbook.md, AtlasFailed: look at atlasStatus in the audit line, then call Atlas",
	handler.AtlasRefused: "make a new client secret in ATRIP and put it in (make secret); in production, " +
		"ask Atlas whether the addresses in EgressIps are allowed",
	handler.SecretUnavailable: "see the check secret; then the function's log, event secret_unavailable",
	handler.AtlasUnavailable:  "check the network mode, its NAT and routes, and ask Atlas whether the addresses in EgressIps are allowed",
	handler.AtlasTimeout:      "Atlas is slow, or drops packets from addresses that are not on its list: ask Atlas",
	handler.Internal:          "look at the function's log for level ERROR",
}

// endToEnd makes a whole call through the stack, as an operator would, and drops the link.
func endToEnd(ctx context.Context, s *subject) Result {
	if s.options.Call == nil {
		return skip("mints a link, so it is made only when asked: -call with -order, -user and -role")
	}
	if s.stack.usesJWT() && s.options.Token.Empty() {
		return blocked("the API requires an operator's token", "give one by -token-file")
	}
	body, err := json.Marshal(s.options.Call)
	if err != nil {
		panic(err) // three strings always encode
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.stack.outputs[outputURL], bytes.NewReader(body))
	if err != nil {
		return fail("the output %s is not a URL", outputURL).fix("deploy again")
	}
	request.Header.Set("Content-Type", "application/json")
	if s.stack.usesJWT() {
		request.Header.Set("Authorization", "Bearer "+s.options.Token.Reveal())
	} else if err := probe.Sign(ctx, s.options.AWS, request, string(body)); err != nil {
		return unread(err)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return fail("no answer from %s: %s", request.URL.Host, connectionFault(err)).fix(checkDomain)
	}
	defer response.Body.Close()
	var reply struct {
		URL     string       `json:"url"`
		Status  *int         `json:"status"`
		Code    handler.Code `json:"code"`
		Detail  string       `json:"detail"`
		Message string       `json:"message"` // of the gateway's own answers
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(&reply); err != nil {
		return fail("HTTP %d, and it is not JSON", response.StatusCode).
			fix("another program than the broker answers: check what is in front of the API")
	}
	link, err := url.Parse(reply.URL)
	switch {
	case reply.Code != "":
		return fail("%s (HTTP %d): %s", reply.Code, response.StatusCode, oneLine(reply.Detail)).
			fix("%s", cmp.Or(codeFixes[reply.Code], "docs/runbook.md, the entry of that code"))
	case response.StatusCode == http.StatusUnauthorized:
		return fail("the gateway refuses the token (HTTP 401)").fix("check that it is fresh, and its iss and aud against the check authorizer")
	case response.StatusCode == http.StatusForbidden:
		return fail("the gateway refuses the caller (HTTP 403)").
			fix("let this identity call execute-api:Invoke on the API, or check the token's scopes")
	case response.StatusCode != http.StatusOK:
		return fail("the gateway answers HTTP %d: %s", response.StatusCode, oneLine(reply.Message)).
			fix("look at the API's access log and the function's log")
	case err != nil || link.Host == "" || reply.Status == nil || *reply.Status != 0:
		return fail("HTTP 200 without a link").
			fix("another program than the broker answers: check the API's integration and the domain's API mapping")
	case s.environment != nil && !s.allows(link):
		return fail("the link leads to %s, which ATLAS_PORTAL_HOSTS does not name", oneLine(link.Scheme+"://"+link.Host)).
			fix("another program than the broker answers: check the API's integration, and who changed it")
	}
	return pass("Atlas minted a link on %s for %s in the role %s; it was dropped", link.Host, s.options.Call.UserName, s.options.Call.Role)
}

// allows reports whether the function would have returned the link: https on a configured host, or Atlas's own test host.
func (s *subject) allows(link *url.URL) bool {
	if s.baseURL != nil && s.baseURL.Scheme == "http" && link.Hostname() == s.baseURL.Hostname() {
		return true
	}
	return link.Scheme == "https" && s.hosts.Allow(link.Hostname())
}
