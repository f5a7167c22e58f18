package diagnosis

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"atriptoken/atlas"
	"atriptoken/secret"
)

// subject is what is examined, and what earlier checks have read of it.
type subject struct {
	options Options
	http    *http.Client

	lambda  *lambda.Client
	gateway *apigatewayv2.Client

	identified  bool  // AWS accepts the credentials
	stack       stack // empty until the check "stack" has read it; so are those below
	function    *lambda.GetFunctionConfigurationOutput
	environment map[string]string
	hosts       atlas.Hosts // that a link may have
	baseURL     *url.URL    // of Atlas
	reachable   bool        // Atlas, from this machine
	credentials *secret.Credentials
	authorizer  *gatewaytypes.JWTConfiguration
	stage       *apigatewayv2.GetStageOutput
	alarmTopics []string // that the stack's alarms notify
}

func newSubject(o Options) *subject {
	client := http.Client{Transport: atlas.NewTransport()}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	// A redirect is an answer here: following one would pass a token on.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.Now == nil {
		o.Now = time.Now
	}
	return &subject{
		options: o,
		http:    &client,
		lambda:  lambda.NewFromConfig(o.AWS),
		gateway: apigatewayv2.NewFromConfig(o.AWS),
		baseURL: o.AtlasBaseURL,
	}
}

// The functions below return what is missing for a check; see check.missing.

func nothing(*subject) string { return "" }

func identity(s *subject) string { return unless(s.identified, "AWS does not know this caller") }

func stackRead(s *subject) string { return unless(s.stack.name != "", "the stack could not be read") }

func functionRead(s *subject) string {
	return cmp.Or(stackRead(s), unless(s.environment != nil, "the function could not be read"))
}

// ifDeployed returns what reading the function's settings needs; without a stack they are given as options.
func ifDeployed(s *subject) string {
	if s.options.Stack == "" {
		return ""
	}
	return functionRead(s)
}

func atlasURL(s *subject) string {
	return cmp.Or(ifDeployed(s), unless(s.baseURL != nil, "Atlas's address is not known"))
}

func secretID(s *subject) string {
	named := s.options.Stack != "" || s.options.SecretID != ""
	return cmp.Or(ifDeployed(s), unless(named, "no secret is named; give -secret to check one"), identity(s))
}

func credentials(s *subject) string {
	return cmp.Or(ifDeployed(s), unless(s.credentials != nil, "there are no credentials to try"),
		unless(s.reachable, "Atlas does not answer from here"))
}

func stackURL(s *subject) string {
	return cmp.Or(stackRead(s), unless(s.stack.outputs[outputURL] != "", "the stack has no output "+outputURL))
}

func apiFound(s *subject) string {
	return cmp.Or(stackRead(s), unless(s.stack.apiID() != "", "the stack has no HTTP API"))
}

func jwt(s *subject) string {
	return cmp.Or(stackRead(s), unless(s.stack.usesJWT(), "IAM decides who may call"))
}

func apiWithJWT(s *subject) string { return cmp.Or(jwt(s), apiFound(s)) }

func authorizerRead(s *subject) string {
	return cmp.Or(apiWithJWT(s), unless(s.authorizer != nil, "the authorizer could not be read"))
}

func stageRead(s *subject) string {
	return cmp.Or(apiFound(s), unless(s.stage != nil, "the stage could not be read"))
}

func unless(condition bool, missing string) string {
	if condition {
		return ""
	}
	return missing
}
