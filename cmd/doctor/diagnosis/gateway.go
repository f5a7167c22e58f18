package diagnosis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

func (s *stack) authorizerID() string { return s.one("AWS::ApiGatewayV2::Authorizer", "Authorizer") }

// routes checks that every route requires the stack's kind of authorization.
func routes(ctx context.Context, s *subject) Result {
	id := s.stack.apiID()
	if id == "" {
		return fail("the stack has no HTTP API").fix(deployWhole)
	}
	out, err := s.gateway.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id})
	if err != nil {
		return unreadOr(err, "the stack's HTTP API was deleted by hand", deleteAndDeploy)
	}
	if len(out.Items) == 0 {
		return fail("the HTTP API has no route").fix(deployWhole)
	}
	want := types.AuthorizationTypeAwsIam
	if s.stack.usesJWT() {
		want = types.AuthorizationTypeJwt
	}
	keys := make([]string, 0, len(out.Items))
	for _, route := range out.Items {
		key := aws.ToString(route.RouteKey)
		keys = append(keys, key)
		switch {
		case route.AuthorizationType != want:
			return fail("the route %s has authorization %s, not %s", key, cmp.Or(route.AuthorizationType, types.AuthorizationTypeNone), want).
				fix("delete the route, or deploy again if it is the template's")
		case want == types.AuthorizationTypeJwt && aws.ToString(route.AuthorizerId) != s.stack.authorizerID():
			return fail("the route %s uses an authorizer that is not the stack's", key).fix(deployAgain)
		}
	}
	return pass("%s, authorization %s", strings.Join(keys, ", "), want)
}

// authorizer checks that tokens are bound to an issuer and an audience.
func authorizer(ctx context.Context, s *subject) Result {
	api, id := s.stack.apiID(), s.stack.authorizerID()
	if id == "" {
		return fail("the stack has no authorizer").fix("deploy again with AuthMode=JWT")
	}
	out, err := s.gateway.GetAuthorizer(ctx, &apigatewayv2.GetAuthorizerInput{ApiId: &api, AuthorizerId: &id})
	if err != nil {
		return unreadOr(err, "the stack's authorizer was deleted by hand", deleteAndDeploy)
	}
	if out.JwtConfiguration == nil {
		return fail("the stack's authorizer does not verify JWTs").fix("deploy again with AuthMode=JWT")
	}
	s.authorizer = out.JwtConfiguration
	issuer, audiences := aws.ToString(s.authorizer.Issuer), s.authorizer.Audience
	want := s.stack.parameters["JwtAudience"]
	switch parsed, err := url.Parse(issuer); {
	case len(audiences) == 0 || slices.Contains(audiences, ""):
		return fail("the authorizer names no audience: tokens for any application of the issuer would pass").
			fix("set JwtAudience and deploy again")
	case err == nil && strings.HasSuffix(strings.ToLower(parsed.Hostname()), "example.com"):
		return fail("the issuer is the example of samconfig.toml").fix("put your identity provider's issuer URL into samconfig.toml")
	case want != "" && strings.Join(audiences, ",") != want:
		return fail("the authorizer's audiences are not the stack's: it was changed by hand").fix(deployAgain)
	}
	return pass("issuer %s, audience %s", issuer, strings.Join(audiences, ", "))
}

// issuer checks that the identity provider publishes its keys where API Gateway looks for them: in the issuer's discovery
// document (API Gateway developer guide, "Controlling access to HTTP APIs with JWT authorizers").
func issuer(ctx context.Context, s *subject) Result {
	name := aws.ToString(s.authorizer.Issuer)
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.getJSON(ctx, strings.TrimSuffix(name, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return fail("the issuer's discovery document cannot be read: %v", err).
			fix("check JwtIssuer with your identity provider; API Gateway must reach it from the internet")
	}
	if document.Issuer != name {
		return fail("the issuer's own name is %q, the authorizer's is %q: every token would be refused", oneLine(document.Issuer), name).
			fix("set JwtIssuer to the issuer's own spelling, to the last slash")
	}
	var keys struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.getJSON(ctx, document.Keys, &keys); err != nil || len(keys.Keys) == 0 {
		return fail("the issuer's keys cannot be read at its jwks_uri").
			fix("check the identity provider; API Gateway must reach it from the internet")
	}
	return pass("it publishes %d key(s) under its own name", len(keys.Keys))
}

// maxDocument bounds what is read of a document from outside, in bytes.
const maxDocument = 1 << 20

func (s *subject) getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.New("its URL is not valid")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return errors.New(connectionFault(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(into); err != nil {
		return errors.New("it is not JSON of the right form")
	}
	return nil
}

// throttling reads the stage and checks that it limits requests.
func throttling(ctx context.Context, s *subject) Result {
	out, err := s.gateway.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: aws.String(s.stack.apiID()), StageName: aws.String("$default")})
	if err != nil {
		return unreadOr(err, "the HTTP API has no stage", deployWhole)
	}
	s.stage = out
	settings := out.DefaultRouteSettings
	if settings == nil || aws.ToFloat64(settings.ThrottlingRateLimit) <= 0 {
		return fail("the stage sets no throttling: one client can use up the account's limit for every API in the Region").
			fix("deploy again: the template sets it")
	}
	return pass("%g requests a second, bursts of %d", *settings.ThrottlingRateLimit, aws.ToInt32(settings.ThrottlingBurstLimit))
}

// accessLog checks that the stage logs requests, without their tokens.
func accessLog(_ context.Context, s *subject) Result {
	settings := s.stage.AccessLogSettings
	if settings == nil || aws.ToString(settings.DestinationArn) == "" {
		return fail("the stage writes no access log: requests that the authorizer refuses leave no trace").
			fix("deploy again: the template sets it")
	}
	if strings.Contains(aws.ToString(settings.Format), "authorization") {
		return fail("the access log's format contains the authorization header").fix("remove it: its tokens sign operators in")
	}
	return pass("written to %s", nameIn(*settings.DestinationArn))
}

// nameIn returns the last part of an ARN.
func nameIn(arn string) string {
	arn = strings.TrimSuffix(arn, ":*")
	return arn[strings.LastIndex(arn, ":")+1:]
}
