package diagnosis

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"atriptoken/atlas"
	"atriptoken/handler"
)

// mends says what to do about each code that a call through the stack may end
// in.
var mends = map[handler.Code]string{
	handler.InvalidRequest:    "check -order, -user and -role against what the detail names",
	handler.NotPermitted:      "the policy does not let this identity in: check the token's name and groups claims, and policies/default.cedar",
	handler.NotFound:          "check the domain's API mapping: the broker answers at /getAtripToken.do only",
	handler.AtlasRateLimited:  "wait and try again; if it lasts, ask Atlas for a higher limit",
	handler.AtlasFailed:       "docs/runbook.md, AtlasFailed: look at atlasStatus in the audit line, then call Atlas",
	handler.AtlasRefused:      "make a new client secret in ATRIP and put it in (make secret); in production, ask Atlas whether the addresses in EgressIps are allowed",
	handler.SecretUnavailable: "see the check secret; then the function's log, event secret_unavailable",
	handler.AtlasUnavailable:  "check the network mode, its NAT and routes, and ask Atlas whether the addresses in EgressIps are allowed",
	handler.AtlasTimeout:      "Atlas is slow, or drops packets from addresses it does not list: ask Atlas",
	handler.Internal:          "look at the function's log for level ERROR",
}

// endToEnd makes a whole call through the stack, as an operator would, and
// drops the link.
func endToEnd(ctx context.Context, s *subject) finding {
	target, result := s.url()
	if target == "" {
		return result
	}
	if s.options.Call == nil {
		return skip("mints a link, so it is made only when asked: -call with -order, -user and -role")
	}
	jwt := s.stack.parameters[parameterAuthMode] == authJWT
	if jwt && s.options.Token.Empty() {
		return blocked("the API wants an operator's token", "give one by -token-file")
	}
	body, err := json.Marshal(s.options.Call)
	if err != nil {
		return fail("the request cannot be encoded", "check -order, -user and -role")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return fail("the output "+outputURL+" is not a URL", "deploy again")
	}
	request.Header.Set("Content-Type", "application/json")
	if jwt {
		request.Header.Set("Authorization", "Bearer "+s.options.Token.Reveal())
	} else if err := s.sign(ctx, request, body); err != nil {
		return unread(err)
	}
	got, err := s.send(request)
	if err != nil {
		return fail("no answer from "+request.URL.Host+": "+connectionFault(err), "check the domain's DNS record and certificate, and the route from here")
	}
	if got.status != http.StatusOK {
		return refusedCall(got)
	}
	var reply struct {
		URL    string `json:"url"`
		Status *int   `json:"status"`
	}
	link := &url.URL{}
	if err := json.Unmarshal(got.body, &reply); err == nil {
		link, err = url.Parse(reply.URL)
		if err != nil {
			link = &url.URL{}
		}
	}
	if reply.Status == nil || *reply.Status != 0 || link.Host == "" {
		return fail("HTTP 200 without a link", "something other than the broker answers: check the API's integration and the domain's API mapping")
	}
	return pass(fmt.Sprintf("Atlas minted a link on %s for %s in the role %s; it was dropped", link.Host, s.options.Call.UserName, s.options.Call.Role))
}

// refusedCall says what an answer other than 200 means.
func refusedCall(got answer) finding {
	code, detail, err := problemOf(got)
	switch {
	case err != nil:
		return fail(fmt.Sprintf("HTTP %d, and %v", got.status, err), "something other than the broker answers: check what stands in front of the API")
	case code != "":
		return fail(fmt.Sprintf("%s (HTTP %d): %s", code, got.status, detail), or(mends[code], "docs/runbook.md, the entry of that code"))
	case got.status == http.StatusUnauthorized:
		return fail("the gateway refuses the token (HTTP 401)", "check that it is fresh, and its iss and aud against the check authorizer")
	case got.status == http.StatusForbidden:
		return fail("the gateway refuses the caller (HTTP 403)", "let this identity call execute-api:Invoke on the API, or check the token's scopes")
	}
	return fail(fmt.Sprintf("the gateway answers HTTP %d: %s", got.status, detail), "look at the API's access log and the function's log")
}

// sign signs the request for API Gateway with the identity that doctor runs as.
func (s *subject) sign(ctx context.Context, request *http.Request, body []byte) error {
	credentials, err := s.options.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "execute-api", s.options.AWS.Region, s.now())
}

// hostOf returns a URL's host name, "" when there is none.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// transport is the one that requests go through, for the Atlas client.
func (s *subject) transport() *http.Transport {
	if transport, ok := s.http.Transport.(*http.Transport); ok {
		return transport
	}
	return atlas.NewTransport()
}
