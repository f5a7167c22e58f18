package diagnosis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/internal/lambdatest"
)

// gateway simulates API Gateway's HTTP API: it accepts the callers of its authorizer, answers preflights, and hands
// requests to the real handler as events of payload format 2.0.
type gateway struct {
	*httptest.Server
	handler  lambda.Handler
	iam      bool
	audience string
	origins  []string
	open     bool             // accept every caller
	anyToken bool             // accept every token
	answers  http.HandlerFunc // in place of the whole gateway
}

func newGateway(t *testing.T, handler lambda.Handler) *gateway {
	g := &gateway{handler: handler, audience: audience, origins: []string{"https://backoffice.example.com"}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	switch {
	case g.answers != nil:
		g.answers(w, r)
	case r.Method == http.MethodOptions:
		origin := r.Header.Get("Origin")
		asked := r.Header.Get("Access-Control-Request-Method") + " " + r.Header.Get("Access-Control-Request-Headers")
		if asked == "POST authorization,content-type" && (slices.Contains(g.origins, origin) || slices.Contains(g.origins, "*")) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		w.WriteHeader(http.StatusNoContent)
	case g.open:
		g.invoke(w, r, lambdatest.Event("http-api-jwt", lambdatest.Set(lambdatest.Absent{}, "requestContext", "authorizer")))
	case g.iam && strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 Credential=example/"):
		g.invoke(w, r, lambdatest.Event("http-api-iam"))
	case g.iam:
		refuse(w, http.StatusForbidden, "Forbidden")
	case authorization == "Bearer "+tokenFor+g.audience, g.anyToken && strings.HasPrefix(authorization, "Bearer "):
		groups := lambdatest.Set("atrip-finance", "requestContext", "authorizer", "jwt", "claims", "groups")
		g.invoke(w, r, lambdatest.Event("http-api-jwt", groups))
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
	document["body"], document["headers"] = string(body), map[string]string{"content-type": r.Header.Get("Content-Type")}
	event, _ = json.Marshal(document)
	ctx, cancel := context.WithTimeout(r.Context(), 25*time.Second)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: lambdatest.DefaultFunctionARN + ":api"})
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

// identityProvider publishes a discovery document and issues tokens. For doctor a token is any text, so these name their
// audience only.
type identityProvider struct {
	*httptest.Server
	name string // its own name for itself
	keys string
}

const tokenFor = "a-token-for-"

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
