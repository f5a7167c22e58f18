package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// authJWT is the AuthMode under which operators' tokens open the door.
const authJWT = "JWT"

// apiID is the stack's HTTP API, "" when there is none.
func (s *stack) apiID() string { return s.one("AWS::ApiGatewayV2::Api", "Api") }

// routes says whether every route asks who the caller is.
func routes(ctx context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	id := s.stack.apiID()
	if id == "" {
		return fail("the stack holds no HTTP API", "deploy the whole template (make deploy)")
	}
	out, err := s.gateway.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id})
	if notFound(err) {
		return fail("the stack's HTTP API was deleted by hand", "delete the stack and deploy again")
	}
	if err != nil {
		return unread(err)
	}
	if len(out.Items) == 0 {
		return fail("the HTTP API has no route", "deploy the whole template (make deploy)")
	}
	want := types.AuthorizationTypeAwsIam
	if s.stack.parameters[parameterAuthMode] == authJWT {
		want = types.AuthorizationTypeJwt
	}
	authorizer := s.stack.one("AWS::ApiGatewayV2::Authorizer", "Authorizer")
	keys := make([]string, 0, len(out.Items))
	for _, route := range out.Items {
		if route.AuthorizationType != want {
			return fail(fmt.Sprintf("the route %s has authorization %s, not %s", value(route.RouteKey), or(string(route.AuthorizationType), "NONE"), want),
				"delete the route, or deploy again if it is the template's")
		}
		if want == types.AuthorizationTypeJwt && value(route.AuthorizerId) != authorizer {
			return fail(fmt.Sprintf("the route %s asks an authorizer that is not the stack's", value(route.RouteKey)), "deploy again")
		}
		keys = append(keys, value(route.RouteKey))
	}
	return pass(fmt.Sprintf("%s, authorization %s", strings.Join(keys, ", "), want))
}

// authorizer says whether tokens are bound to an issuer and an audience.
func authorizer(ctx context.Context, s *subject) finding {
	found, result := s.jwt(ctx)
	if found == nil {
		return result
	}
	if len(found.Audience) == 0 || slices.Contains(found.Audience, "") {
		return fail("the authorizer names no audience: tokens for any application of the issuer would pass", "set JwtAudience and deploy again")
	}
	if strings.HasSuffix(hostOf(value(found.Issuer)), "example.com") {
		return fail("the issuer is the example of samconfig.toml", "put your identity provider's issuer URL into samconfig.toml")
	}
	if want := s.stack.parameters[parameterAudience]; want != "" && !slices.Equal(found.Audience, strings.Split(want, ",")) {
		return fail("the authorizer's audiences are not the stack's: it was changed by hand", "deploy again")
	}
	return pass(fmt.Sprintf("issuer %s, audience %s", value(found.Issuer), strings.Join(found.Audience, ", ")))
}

// jwt returns the API's JWT configuration, or nil and what was found instead:
// without a stack, or where IAM decides, there is none to look at.
func (s *subject) jwt(ctx context.Context) (*types.JWTConfiguration, finding) {
	if s.stack == nil {
		return nil, needsStack()
	}
	if s.stack.parameters[parameterAuthMode] != authJWT {
		return nil, skip("IAM decides who may call")
	}
	id := s.stack.apiID()
	if id == "" {
		return nil, skip("the stack holds no HTTP API")
	}
	authorizer := s.stack.one("AWS::ApiGatewayV2::Authorizer", "Authorizer")
	if authorizer == "" {
		return nil, fail("the stack holds no authorizer", "deploy again with AuthMode=JWT")
	}
	out, err := s.gateway.GetAuthorizer(ctx, &apigatewayv2.GetAuthorizerInput{ApiId: &id, AuthorizerId: &authorizer})
	if notFound(err) {
		return nil, fail("the stack's authorizer was deleted by hand", "delete the stack and deploy again")
	}
	if err != nil {
		return nil, unread(err)
	}
	if out.JwtConfiguration == nil {
		return nil, fail("the stack's authorizer does not verify JWTs", "deploy again with AuthMode=JWT")
	}
	return out.JwtConfiguration, finding{}
}

// issuer says whether the identity provider publishes what API Gateway needs
// to verify tokens with (API Gateway developer guide, "Controlling access to
// HTTP APIs with JWT authorizers": the issuer's discovery document names the
// keys).
func issuer(ctx context.Context, s *subject) finding {
	found, result := s.jwt(ctx)
	if found == nil {
		return result
	}
	name := value(found.Issuer)
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.getJSON(ctx, strings.TrimSuffix(name, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return fail("the issuer's discovery document cannot be read: "+err.Error(), "check JwtIssuer with your identity provider; API Gateway must reach it from the internet")
	}
	if document.Issuer != name {
		return fail(fmt.Sprintf("the issuer calls itself %q, the authorizer calls it %q: every token would be refused", oneLine(document.Issuer), name),
			"set JwtIssuer to the issuer's own spelling, to the last slash")
	}
	var keys struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.getJSON(ctx, document.Keys, &keys); err != nil || len(keys.Keys) == 0 {
		return fail("the issuer's keys cannot be read at its jwks_uri", "check the identity provider; API Gateway must reach it from the internet")
	}
	return pass(fmt.Sprintf("it publishes %d key(s) under its own name", len(keys.Keys)))
}

// maxDocument bounds what is read of a document of another's, in bytes.
const maxDocument = 1 << 20

func (s *subject) getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("its URL is not valid")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s", connectionFault(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(into); err != nil {
		return fmt.Errorf("it is not JSON of the right form")
	}
	return nil
}

// stage reads the API's $default stage, or says what was found instead.
func (s *subject) stage(ctx context.Context) (*apigatewayv2.GetStageOutput, finding) {
	if s.stack == nil {
		return nil, needsStack()
	}
	id, name := s.stack.apiID(), "$default"
	if id == "" {
		return nil, skip("the stack holds no HTTP API")
	}
	out, err := s.gateway.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: &id, StageName: &name})
	if notFound(err) {
		return nil, fail("the HTTP API has no stage", "deploy the whole template (make deploy)")
	}
	if err != nil {
		return nil, unread(err)
	}
	return out, finding{}
}

func throttling(ctx context.Context, s *subject) finding {
	stage, result := s.stage(ctx)
	if stage == nil {
		return result
	}
	settings := stage.DefaultRouteSettings
	if settings == nil || settings.ThrottlingRateLimit == nil || *settings.ThrottlingRateLimit <= 0 {
		return fail("the stage sets no throttling: one client can use up the account's own limit for every API in the Region", "deploy again: the template sets it")
	}
	burst := int32(0)
	if settings.ThrottlingBurstLimit != nil {
		burst = *settings.ThrottlingBurstLimit
	}
	return pass(fmt.Sprintf("%g requests a second, bursts of %d", *settings.ThrottlingRateLimit, burst))
}

func accessLog(ctx context.Context, s *subject) finding {
	stage, result := s.stage(ctx)
	if stage == nil {
		return result
	}
	settings := stage.AccessLogSettings
	if settings == nil || value(settings.DestinationArn) == "" {
		return fail("the stage writes no access log: requests that the authorizer refuses leave no trace", "deploy again: the template sets it")
	}
	if strings.Contains(value(settings.Format), "authorization") {
		return fail("the access log's format holds the authorization header", "take it out: it signs people in")
	}
	return pass("written to " + lastPart(value(settings.DestinationArn), ":log-group:"))
}

func lastPart(s, separator string) string {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[i+len(separator):]
	}
	return s
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
