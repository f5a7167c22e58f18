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
	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/internal/lambdatest"
)

// gateway simulates API Gateway's HTTP API: it accepts the callers of its authorizer, answers preflights, and hands
// requests to the real handler as events of payload format 2.0.
type gateway struct {
	*httptest.Server
	handler  lambda.Handler
	issuer   *identityProvider
	iam      bool
	audience string
	origins  []string
	open     bool             // accept every caller
	answers  http.HandlerFunc // in place of the whole gateway
}

func newGateway(t *testing.T, handler lambda.Handler, issuer *identityProvider) *gateway {
	g := &gateway{handler: handler, issuer: issuer, audience: "atrip-token-broker", origins: []string{"https://backoffice.example.com"}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	claims := g.issuer.verify(strings.TrimPrefix(authorization, "Bearer "))
	switch {
	case g.answers != nil:
		g.answers(w, r)
	case r.Method == http.MethodOptions:
		if origin := r.Header.Get("Origin"); slices.Contains(g.origins, origin) || slices.Contains(g.origins, "*") {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		w.WriteHeader(http.StatusNoContent)
	case g.open:
		g.invoke(w, r, lambdatest.Event("http-api-jwt", lambdatest.Remove("requestContext", "authorizer")))
	case g.iam && strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 Credential=example/"):
		g.invoke(w, r, lambdatest.Event("http-api-iam"))
	case g.iam:
		refuse(w, http.StatusForbidden, "Forbidden")
	case claims["aud"] == g.audience:
		g.invoke(w, r, lambdatest.Event("http-api-jwt", lambdatest.Set(claims, "requestContext", "authorizer", "jwt", "claims")))
	default:
		refuse(w, http.StatusUnauthorized, "Unauthorized")
	}
}

// invoke invokes the handler with the event and the request's body.
func (g *gateway) invoke(w http.ResponseWriter, r *http.Request, event []byte) {
	body, _ := io.ReadAll(r.Body)
	var document map[string]any
	if err := json.Unmarshal(event, &document); err != nil {
		panic(err)
	}
	document["body"] = string(body)
	event, _ = json.Marshal(document)
	ctx := lambdacontext.NewContext(r.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: lambdatest.DefaultFunctionARN + ":api"})
	answer, err := g.handler.Invoke(ctx, event)
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
	_, _ = io.WriteString(w, reply.Body)
}

// refuse answers like API Gateway itself.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

// identityProvider publishes a discovery document and issues tokens. Only it and the gateway know their key: how a real
// provider signs does not matter here.
type identityProvider struct {
	*httptest.Server
	name string // its own name for itself
	keys string
}

func newIdentityProvider(t *testing.T) *identityProvider {
	p := &identityProvider{keys: `{"keys":[{"kty":"RSA","kid":"example"}]}`}
	documents := http.NewServeMux()
	documents.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, p.name, p.URL+"/keys")
	})
	documents.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, p.keys) })
	p.Server = httptest.NewServer(documents)
	p.name = p.URL
	t.Cleanup(p.Close)
	return p
}

func (p *identityProvider) token(audience string) string {
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"1","email":"amelia@example.com","groups":"atrip-finance"}`, p.URL, audience)
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return unsigned + "." + p.sign(unsigned)
}

func (p *identityProvider) sign(unsigned string) string {
	mac := hmac.New(sha256.New, []byte(p.URL))
	mac.Write([]byte(unsigned))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// verify returns a token's claims, nil if the provider did not sign it.
func (p *identityProvider) verify(token string) (claims map[string]string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] != p.sign(parts[0]+"."+parts[1]) {
		return nil
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	_ = json.Unmarshal(text, &claims)
	return claims
}
