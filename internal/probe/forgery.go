package probe

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// body is a request that the broker would take from somebody it knows. The order is Atlas's documented example.
const body = `{"orderNo":"XPFIW20220209163159425","userName":"probe@example.com","role":"Admin"}`

// forgery is a request to the API that claims an identity which nobody vouches for.
type forgery struct {
	door    string
	headers map[string]string
}

// forgeries are the ways in that must be shut: each alone would be enough to become anybody.
var forgeries = []forgery{
	{"API, with no identity", nil},
	{"API, with an unsigned token", map[string]string{"Authorization": "Bearer " + unsignedToken()}},
	{"API, with a made-up signature", map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/execute-api/aws4_request, " +
			"SignedHeaders=host, Signature=" + strings.Repeat("0", 64),
		"X-Amz-Date": "20260101T000000Z",
	}},
	{"API, with identity headers", map[string]string{
		"X-Amzn-Oidc-Identity": "probe@example.com", "X-Amzn-Oidc-Data": unsignedToken(), "X-Forwarded-User": "probe@example.com",
	}},
}

func (f forgery) request(ctx context.Context, url string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range f.headers {
		request.Header.Set(name, value)
	}
	return request, nil
}

// unsignedToken is a JWT that says of itself that nobody signed it (RFC 7519, section 6).
func unsignedToken() string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." +
		part([]byte(`{"email":"probe@example.com","groups":["atrip-admin"],"exp":4102444800}`)) + "."
}

// forgedHTTPEvent is what API Gateway sends to the function for an operator whom its authorizer let in.
var forgedHTTPEvent = map[string]any{
	"version": "2.0", "routeKey": "POST /getAtripToken.do", "rawPath": "/getAtripToken.do",
	"headers": map[string]string{"content-type": "application/json"},
	"requestContext": map[string]any{
		"http": map[string]string{"method": "POST", "path": "/getAtripToken.do", "sourceIp": "192.0.2.1"},
		"authorizer": map[string]any{"jwt": map[string]any{
			"claims": map[string]string{"email": "probe@example.com", "groups": "[atrip-admin]"},
		}},
		"stage": "$default",
	},
	"body": body, "isBase64Encoded": false,
}

// reply is what the function returned: Atlas's object, an HTTP answer, or a function error.
type reply struct {
	URL        string `json:"url"`
	ErrorType  string `json:"errorType"`
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

// refusal returns the code of a refusal in any of the function's forms, "" when the reply is none.
func (r reply) refusal() string {
	if r.ErrorType != "" {
		return r.ErrorType
	}
	var problem struct {
		Code string `json:"code"`
	}
	if r.StatusCode != 0 && json.Unmarshal([]byte(r.Body), &problem) == nil {
		return problem.Code
	}
	return ""
}
