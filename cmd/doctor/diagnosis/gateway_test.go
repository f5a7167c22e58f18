package diagnosis_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
)

// gateway stands in for API Gateway's HTTP API: it lets in whom its authorizer
// knows, answers preflights, and hands the rest to the real handler as an
// event of payload format 2.0.
type gateway struct {
	*httptest.Server
	handler  lambda.Handler
	issuer   *identityProvider
	iam      bool
	audience string
	origins  []string
	// open lets everybody in; answers replaces the whole gateway.
	open    bool
	answers http.HandlerFunc
}

func newGateway(t *testing.T, handler lambda.Handler, issuer *identityProvider) *gateway {
	g := &gateway{handler: handler, issuer: issuer, audience: "atrip-token-broker", origins: []string{"https://backoffice.example.com"}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case g.answers != nil:
		g.answers(w, r)
	case r.Method == http.MethodOptions:
		if origin := r.Header.Get("Origin"); slices.Contains(g.origins, origin) || slices.Contains(g.origins, "*") {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		g.invoke(w, r)
	}
}

func (g *gateway) invoke(w http.ResponseWriter, r *http.Request) {
	authorizer := map[string]any{}
	authorization := r.Header.Get("Authorization")
	switch claims := g.issuer.verify(strings.TrimPrefix(authorization, "Bearer ")); {
	case g.open:
	case g.iam && strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 ") && strings.Contains(authorization, "/execute-api/aws4_request"):
		authorizer["iam"] = map[string]string{"userArn": "arn:aws:iam::111122223333:user/deployer", "accountId": "111122223333"}
	case g.iam:
		refuse(w, http.StatusForbidden, "Forbidden")
		return
	case claims["aud"] != g.audience:
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	default:
		authorizer["jwt"] = map[string]any{"claims": claims}
	}
	body, _ := io.ReadAll(r.Body)
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "POST /getAtripToken.do", "rawPath": r.URL.Path, "body": string(body),
		"headers": map[string]string{"content-type": r.Header.Get("Content-Type")},
		"requestContext": map[string]any{
			"requestId": "example", "stage": "$default", "authorizer": authorizer,
			"http": map[string]string{"method": r.Method, "path": r.URL.Path, "sourceIp": "192.0.2.1"},
		},
	})
	if err != nil {
		panic(err)
	}
	answer, err := g.handler.Invoke(r.Context(), event)
	var reply struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if err != nil || json.Unmarshal(answer, &reply) != nil {
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	for name, value := range reply.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(reply.StatusCode)
	fmt.Fprint(w, reply.Body)
}

// refuse answers as API Gateway does by itself.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

// identityProvider publishes a discovery document and issues tokens. They are
// signed with a key that only it and the gateway know: how a real one signs
// does not matter here.
type identityProvider struct {
	*httptest.Server
	name string // "": its own URL
	keys string
}

func newIdentityProvider(t *testing.T) *identityProvider {
	p := &identityProvider{keys: `{"keys":[{"kty":"RSA","kid":"example"}]}`}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			name := p.name
			if name == "" {
				name = p.URL
			}
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, name, p.URL+"/keys")
		case "/keys":
			fmt.Fprint(w, p.keys)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *identityProvider) token(audience string) string {
	claims, err := json.Marshal(map[string]string{"iss": p.URL, "aud": audience, "sub": "1", "email": "amelia@example.com", "groups": "atrip-finance"})
	if err != nil {
		panic(err)
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	return head + "." + p.sign(head)
}

func (p *identityProvider) sign(head string) string {
	mac := hmac.New(sha256.New, []byte(p.URL))
	mac.Write([]byte(head))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// verify returns a token's claims, nil when it is not this provider's.
func (p *identityProvider) verify(token string) map[string]string {
	i := strings.LastIndex(token, ".")
	if i < 0 || token[i+1:] != p.sign(token[:i]) {
		return nil
	}
	_, encoded, _ := strings.Cut(token[:i], ".")
	text, _ := base64.RawURLEncoding.DecodeString(encoded)
	var claims map[string]string
	if json.Unmarshal(text, &claims) != nil {
		return nil
	}
	return claims
}
