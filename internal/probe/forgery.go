package probe

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// body cannot make a link: the broker refuses its empty fields.
const body = `{"orderNo":"","userName":"","role":""}`

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

// ForgedEvents is how many forged events a run sends to the function.
const ForgedEvents = 2

// forgedEvents are HTTP events as API Gateway sends them for a caller that it identified, by name of the check. The default
// policy permits both callers, so that only the alias can refuse them. The claims of an operator are configurable, those
// of an AWS principal are not: the second is understood by every broker.
var forgedEvents = [ForgedEvents]struct{ name, event string }{
	{"service, with a forged operator", httpEvent(`"jwt":{"claims":{"iss":"https://idp.example.com","sub":"probe",` +
		`"email":"probe@example.com","groups":"atrip-admin"}}`)},
	{"service, with a forged AWS principal", httpEvent(`"iam":{"userArn":"arn:aws:iam::123456789012:user/probe",` +
		`"accountId":"123456789012","userId":"AIDACKCEVSQ6C2EXAMPLE","callerId":"AIDACKCEVSQ6C2EXAMPLE"}`)},
}

func httpEvent(authorizer string) string {
	return fmt.Sprintf(`{"version":"2.0","routeKey":"POST /getAtripToken.do","rawPath":"/getAtripToken.do",
		"headers":{"content-type":"application/json"},"body":%q,"isBase64Encoded":false,
		"requestContext":{"http":{"method":"POST","path":"/getAtripToken.do","sourceIp":"192.0.2.1"},"stage":"$default",
			"authorizer":{%s}}}`, body, authorizer)
}
