package diagnosis

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"atriptoken/handler"
)

// The doors are tried with an order that is none: should one stand open after
// all, the broker itself refuses the body and Atlas is not called.
const closedBody = `{"orderNo":"","userName":"","role":""}`

// answer is what came back through the stack.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// url returns where the stack is called, or what was found instead.
func (s *subject) url() (string, finding) {
	if s.stack == nil {
		return "", needsStack()
	}
	target := s.stack.outputs[outputURL]
	if u, err := url.Parse(target); err != nil || u.Host == "" {
		return "", fail("the stack has no output "+outputURL, "deploy the whole template (make deploy)")
	}
	return target, finding{}
}

// send makes a request and reads the answer.
func (s *subject) send(request *http.Request) (answer, error) {
	response, err := s.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
	return answer{response.StatusCode, response.Header, body}, err
}

// knock sends a request that must be refused and says whether it was.
func (s *subject) knock(ctx context.Context, authorization, who string, want int) finding {
	target, result := s.url()
	if target == "" {
		return result
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(closedBody))
	if err != nil {
		return fail("the output "+outputURL+" is not a URL", "deploy again")
	}
	request.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	got, err := s.send(request)
	if err != nil {
		return fail("no answer from "+request.URL.Host+": "+connectionFault(err), "check the domain's DNS record and certificate, and the route from here")
	}
	switch {
	case got.status == want:
		return pass(fmt.Sprintf("%s is refused with HTTP %d", who, got.status))
	case strings.HasPrefix(got.header.Get("Content-Type"), "application/problem+json"):
		return fail(fmt.Sprintf("%s passes the gateway: the function itself answered HTTP %d", who, got.status), "see the checks routes and authorizer, and deploy again")
	}
	return fail(fmt.Sprintf("%s gets HTTP %d where %d is due", who, got.status, want), "see the checks routes and authorizer, and what stands in front of the API")
}

// refusal is API Gateway's own answer to a caller without a valid identity: 401
// from a JWT authorizer, 403 from IAM.
func (s *subject) refusal() int {
	if s.stack != nil && s.stack.parameters[parameterAuthMode] == authJWT {
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

func noIdentity(ctx context.Context, s *subject) finding {
	return s.knock(ctx, "", "a caller with no identity", s.refusal())
}

// forgedToken sends a token with everything right but its signature.
func forgedToken(ctx context.Context, s *subject) finding {
	found, result := s.jwt(ctx)
	if found == nil {
		return result
	}
	return s.knock(ctx, "Bearer "+forge(found, s.now().Unix()), "a forged token", http.StatusUnauthorized)
}

func forge(jwt *types.JWTConfiguration, now int64) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // maps of strings and numbers always encode
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	audience := ""
	if len(jwt.Audience) > 0 {
		audience = jwt.Audience[0]
	}
	signature := make([]byte, 256) // the length of an RS256 signature
	rand.Read(signature)           //nolint:errcheck // never fails
	return part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": "forged"}) + "." + part(map[string]any{
		"iss": value(jwt.Issuer), "aud": audience, "sub": "forged", "iat": now, "exp": now + 300,
	}) + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// wrongAudience sends a real token that was issued for another application.
func wrongAudience(ctx context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	if s.stack.parameters[parameterAuthMode] != authJWT {
		return skip("IAM decides who may call")
	}
	if s.options.WrongToken.Empty() {
		return skip("needs a token of the same issuer for another audience: -wrong-token-file")
	}
	return s.knock(ctx, "Bearer "+s.options.WrongToken.Reveal(), "a token for another audience", http.StatusUnauthorized)
}

// noOrigin is what template.yaml lists when no origin is meant.
var noOrigin = []string{"https://none.invalid"}

// foreign is an origin that nobody lists: the name is reserved (RFC 2606).
const foreign = "https://doctor.invalid"

// cors says whether browsers may call from the pages meant, and from no other.
func cors(ctx context.Context, s *subject) finding {
	target, result := s.url()
	if target == "" {
		return result
	}
	id := s.stack.apiID()
	out, err := s.gateway.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: &id})
	if err != nil {
		return unread(err)
	}
	origin := s.options.Origin
	if out.CorsConfiguration == nil || slices.Equal(out.CorsConfiguration.AllowOrigins, noOrigin) || len(out.CorsConfiguration.AllowOrigins) == 0 {
		if origin != "" {
			return fail("no page may call, and "+origin+" should", "set CorsOrigins and deploy again")
		}
		return skip("no page of another origin may call; set CorsOrigins when one should")
	}
	for _, allowed := range out.CorsConfiguration.AllowOrigins {
		if strings.Contains(allowed, "*") {
			return fail("CORS allows "+allowed, "list the pages' origins one by one in CorsOrigins")
		}
	}
	if origin == "" {
		origin = out.CorsConfiguration.AllowOrigins[0]
	}
	for _, row := range []struct {
		origin string
		want   string
		mend   string
	}{
		{origin, origin, "add the origin to CorsOrigins, as the browser spells it: scheme, host, port, no slash"},
		{foreign, "", "see who has changed the API's CORS configuration, and deploy again"},
	} {
		got, err := s.preflight(ctx, target, row.origin)
		if err != nil {
			return fail("no answer to a preflight: "+connectionFault(err), "check the domain's DNS record and certificate, and the route from here")
		}
		if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != row.want {
			return fail(fmt.Sprintf("a preflight from %s is answered with allowed origin %q, not %q", row.origin, oneLine(allowed), row.want), row.mend)
		}
	}
	return pass(origin + " may call, another origin may not")
}

func (s *subject) preflight(ctx context.Context, target, origin string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, target, nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Origin", origin)
	request.Header.Set("Access-Control-Request-Method", http.MethodPost)
	request.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	return s.send(request)
}

// problemOf reads an answer other than success: the broker's own problem
// document, or the gateway's {"message"}.
func problemOf(a answer) (code handler.Code, detail string, err error) {
	var body struct {
		Code    handler.Code `json:"code"`
		Detail  string       `json:"detail"`
		Message string       `json:"message"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		return "", "", errors.New("it is not JSON")
	}
	if body.Code == "" {
		return "", oneLine(body.Message), nil
	}
	return body.Code, oneLine(body.Detail), nil
}
