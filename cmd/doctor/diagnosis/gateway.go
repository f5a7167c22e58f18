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

// routes checks that every route requires the stack's kind of authorization and calls the function through the alias api.
func routes(ctx context.Context, s *subject) Result {
	id := s.stack.api()
	if id == "" {
		return fail("the stack has no HTTP API").fix(deployWhole)
	}
	out, err := s.gateway.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id})
	if err != nil {
		return unreadOr(err, "the stack's HTTP API was deleted by hand", deleteAndDeploy)
	}
	integrations, err := s.gateway.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: &id})
	if err != nil {
		return unread(err)
	}
	if len(out.Items) == 0 {
		return fail("the HTTP API has no route").fix(deployWhole)
	}
	want, authorizerID := types.AuthorizationTypeAwsIam, ""
	if s.stack.usesJWT() {
		want, authorizerID = types.AuthorizationTypeJwt, s.stack.authorizer()
	}
	keys := make([]string, 0, len(out.Items))
	for _, route := range out.Items {
		key := aws.ToString(route.RouteKey)
		keys = append(keys, key)
		switch {
		case route.AuthorizationType != want:
			return fail("the route %s has authorization %s, not %s", key, cmp.Or(route.AuthorizationType, types.AuthorizationTypeNone), want).
				fix("aws apigatewayv2 delete-route --api-id %s --route-id %s; if it is the template's, %s",
					id, aws.ToString(route.RouteId), s.stack.revert())
		case aws.ToString(route.AuthorizerId) != authorizerID:
			return fail("the route %s uses an authorizer that is not the stack's", key).fix("%s", s.stack.revert())
		}
		if authorizerID != "" {
			s.compare("the scopes of "+key, strings.Join(route.AuthorizationScopes, ","), "JwtScopes", s.stack.revert())
		}
		target := strings.TrimPrefix(aws.ToString(route.Target), "integrations/")
		i := slices.IndexFunc(integrations.Items, func(i types.Integration) bool { return aws.ToString(i.IntegrationId) == target })
		if i < 0 {
			return fail("the route %s has no integration", key).fix("%s", s.stack.revert())
		}
		update := fmt.Sprintf("aws apigatewayv2 update-integration --api-id %s --integration-id %s", id, target)
		called := strings.TrimSuffix(aws.ToString(integrations.Items[i].IntegrationUri), "/invocations")
		version := aws.ToString(integrations.Items[i].PayloadFormatVersion)
		switch {
		case !strings.HasSuffix(called, ":function:"+s.stack.function()+":"+aliasAPI):
			return fail("the route %s calls %s, not %s through the alias %s", key, oneLine(called), s.stack.function(), aliasAPI).
				fix("%s --integration-uri %s", update, s.stack.outputs["ApiAliasArn"])
		case version != "2.0":
			return fail("the route %s sends payload format %s, not 2.0", key, version).fix("%s --payload-format-version 2.0", update)
		}
	}
	return pass("%s, authorization %s, through the alias %s", strings.Join(keys, ", "), want, aliasAPI)
}

// authorizer checks that tokens are bound to an issuer and an audience.
func authorizer(ctx context.Context, s *subject) Result {
	api, id := s.stack.api(), s.stack.authorizer()
	if !s.stack.usesJWT() {
		return skip("IAM decides who may call")
	}
	if id == "" {
		return fail("the stack has no authorizer").fix(deployWhole)
	}
	out, err := s.gateway.GetAuthorizer(ctx, &apigatewayv2.GetAuthorizerInput{ApiId: &api, AuthorizerId: &id})
	if err != nil {
		return unreadOr(err, "the stack's authorizer was deleted by hand", deleteAndDeploy)
	}
	if out.JwtConfiguration == nil {
		return fail("the stack's authorizer does not verify JWTs").fix("%s", s.stack.revert())
	}
	s.authorizer = out.JwtConfiguration
	issuer, audiences := aws.ToString(s.authorizer.Issuer), s.authorizer.Audience
	switch parsed, err := url.Parse(issuer); {
	case len(audiences) == 0 || slices.Contains(audiences, ""):
		return fail("the authorizer names no audience: tokens for any application of the issuer would pass").
			fix("set JwtAudience and deploy again")
	case err == nil && strings.HasSuffix(strings.ToLower(parsed.Hostname()), "example.com"):
		return fail("the issuer is the example of samconfig.toml").fix("put your identity provider's issuer URL into samconfig.toml")
	}
	restore := fmt.Sprintf("aws apigatewayv2 update-authorizer --api-id %s --authorizer-id %s --jwt-configuration Issuer=%s,Audience=%s",
		api, id, s.stack.parameters["JwtIssuer"], s.stack.parameters["JwtAudience"])
	s.compare("the issuer", issuer, "JwtIssuer", restore)
	s.compare("the audience", strings.Join(audiences, ","), "JwtAudience", restore)
	return pass("issuer %s, audience %s", issuer, strings.Join(audiences, ", "))
}

// issuer checks that the identity provider publishes its keys where API Gateway looks for them: in the issuer's discovery
// document (API Gateway developer guide, "Controlling access to HTTP APIs with JWT authorizers").
func issuer(ctx context.Context, s *subject) Result {
	const reachable = "check JwtIssuer with your identity provider; API Gateway must reach it from the internet"
	name := aws.ToString(s.authorizer.Issuer)
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.getJSON(ctx, strings.TrimSuffix(name, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return fail("the issuer's discovery document cannot be read: %s", connectionFault(err)).fix(reachable)
	}
	if document.Issuer != name {
		return fail("the issuer's own name is %q, the authorizer's is %q: every token would be refused", oneLine(document.Issuer), name).
			fix("set JwtIssuer to the issuer's own spelling, to the last slash")
	}
	var keys struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.getJSON(ctx, document.Keys, &keys); err != nil || len(keys.Keys) == 0 {
		return fail("the issuer's keys cannot be read at its jwks_uri").fix(reachable)
	}
	return pass("it publishes %d key(s) under its own name", len(keys.Keys))
}

// maxDocument bounds what is read of a document from outside, in bytes.
const maxDocument = 1 << 20

func (s *subject) getJSON(ctx context.Context, url string, into any) error {
	text, err := s.download(ctx, url, maxDocument)
	if err == nil && json.Unmarshal(text, into) != nil {
		err = errors.New("it is not JSON of the right form")
	}
	return err
}

// download reads a document of at most limit bytes.
func (s *subject) download(ctx context.Context, url string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, errors.New("its URL is not valid")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, limit))
}

// throttling reads the stage and checks that it limits requests.
func throttling(ctx context.Context, s *subject) Result {
	out, err := s.gateway.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: aws.String(s.stack.api()), StageName: aws.String("$default")})
	if err != nil {
		return unreadOr(err, "the HTTP API has no stage", deployWhole)
	}
	s.stage = out
	for key, route := range out.RouteSettings {
		if route.ThrottlingRateLimit != nil || route.ThrottlingBurstLimit != nil {
			return fail("the route %s has throttling of its own, which the template does not set: %g requests a second, bursts of %d",
				key, aws.ToFloat64(route.ThrottlingRateLimit), aws.ToInt32(route.ThrottlingBurstLimit)).
				fix("aws apigatewayv2 delete-route-settings --api-id %s --stage-name '$default' --route-key '%s'", s.stack.api(), key)
		}
	}
	restore := fmt.Sprintf("aws apigatewayv2 update-stage --api-id %s --stage-name '$default' --default-route-settings "+
		"ThrottlingRateLimit=%s,ThrottlingBurstLimit=%s",
		s.stack.api(), s.stack.parameters["ThrottleRate"], s.stack.parameters["ThrottleBurst"])
	settings := out.DefaultRouteSettings
	if settings == nil || settings.ThrottlingRateLimit == nil || settings.ThrottlingBurstLimit == nil {
		return fail("the stage sets no throttling: one client can use up the account's limit for every API in the Region").fix("%s", restore)
	}
	rate, burst := *settings.ThrottlingRateLimit, *settings.ThrottlingBurstLimit
	if rate == 0 || burst == 0 {
		return fail("the stage's throttling is 0: API Gateway refuses every call with HTTP 429").fix("%s", restore)
	}
	s.compare("the rate", fmt.Sprint(rate), "ThrottleRate", restore)
	s.compare("the burst", fmt.Sprint(burst), "ThrottleBurst", restore)
	return pass("%g requests a second, bursts of %d", rate, burst)
}

// accessLog checks that the stage logs requests, without their tokens.
func accessLog(_ context.Context, s *subject) Result {
	settings := s.stage.AccessLogSettings
	if settings == nil || aws.ToString(settings.DestinationArn) == "" {
		return fail("the stage writes no access log: requests that the authorizer refuses leave no trace").fix("%s", s.stack.revert())
	}
	if strings.Contains(aws.ToString(settings.Format), "authorization") {
		return fail("the access log's format contains the authorization header").
			fix("%s (the tokens in it sign operators in)", s.stack.revert())
	}
	return pass("written to %s", nameIn(*settings.DestinationArn))
}

// nameIn returns the last part of an ARN.
func nameIn(arn string) string {
	arn = strings.TrimSuffix(arn, ":*")
	return arn[strings.LastIndex(arn, ":")+1:]
}
