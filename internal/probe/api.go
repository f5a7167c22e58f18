package probe

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// Forgery is a request to the API whose identity is not genuine.
type Forgery struct {
	// Name describes the request.
	Name string
	// Header holds the headers that claim the identity.
	Header map[string]string
}

// WithoutIdentity returns requests that carry no token.
func WithoutIdentity() []Forgery {
	return []Forgery{
		{"API, with no identity", nil},
		{"API, with identity headers", map[string]string{
			"X-Amzn-Oidc-Identity": "probe@example.com", "X-Amzn-Oidc-Data": token("none", "", "", ""), "X-Forwarded-User": "probe@example.com",
		}},
		{"API, with a made-up AWS signature", map[string]string{
			"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/execute-api/aws4_request, " +
				"SignedHeaders=host, Signature=" + strings.Repeat("0", 64),
			"X-Amz-Date": "20260101T000000Z",
		}},
	}
}

// ForgedTokens returns requests with tokens that the issuer did not sign. With the authorizer's issuer and audience, the
// signature is all that is wrong with them.
func ForgedTokens(issuer, audience string) []Forgery {
	return []Forgery{
		BearerToken("API, with an unsigned token", token("none", issuer, audience, "")),
		BearerToken("API, with a token whose signature is forged", token("RS256", issuer, audience, strings.Repeat("0", 256))),
	}
}

// BearerToken returns a request with the token.
func BearerToken(name, token string) Forgery {
	return Forgery{name, map[string]string{"Authorization": "Bearer " + token}}
}

// token returns a JWT for an administrator (RFC 7519; the algorithm "none" is its section 6).
func token(algorithm, issuer, audience, signature string) string {
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"probe","email":"probe@example.com","groups":["atrip-admin"],"iat":1,"exp":4102444800}`,
		issuer, audience)
	encode := func(part string) string { return base64.RawURLEncoding.EncodeToString([]byte(part)) }
	return encode(fmt.Sprintf(`{"alg":%q,"kid":"probe"}`, algorithm)) + "." + encode(claims) + "." + encode(signature)
}

// Send sends a forged request to the API, which must refuse it before the function sees it.
func (p *Probe) Send(ctx context.Context, f Forgery) Check {
	return p.post(ctx, f.Name, func(request *http.Request) error {
		for name, value := range f.Header {
			request.Header.Set(name, value)
		}
		return nil
	})
}

// post sends the API a request that cannot make a link, with the identity that identify gives it.
func (p *Probe) post(ctx context.Context, name string, identify func(*http.Request) error) Check {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(body))
	if err != nil {
		return Check{name, Unclear, "the API's URL is not valid"}
	}
	request.Header.Set("Content-Type", "application/json")
	if err := identify(request); err != nil {
		return Check{name, Unclear, err.Error()}
	}
	response, err := p.client().Do(request)
	if err != nil {
		return Check{name, Unclear, "the API cannot be reached"}
	}
	defer response.Body.Close()
	status, contentType := response.StatusCode, response.Header.Get("Content-Type")
	check := Check{name, LetIn, fmt.Sprintf("HTTP %d %s", status, contentType)}
	// A problem document of any status is the function's; API Gateway's own refusal is {"message": …}.
	switch {
	case contentType == "application/problem+json":
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		check.Verdict = Refused
	case status == http.StatusNotFound || status == http.StatusTooManyRequests || status >= 500 || status/100 == 3:
		check.Verdict = Unclear
	}
	return check
}
