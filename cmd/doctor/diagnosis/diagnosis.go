// Package diagnosis examines an ATRIP token broker, deployed or about to be. Each check reports what would prevent
// going live and how to fix it. The checks read and never write; only Options.Call makes Atlas mint a link.
package diagnosis

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"atriptoken/atlas"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

// Options say what to examine. Only AWS is required.
type Options struct {
	// AWS is the account's configuration: Region, credentials, endpoints.
	AWS aws.Config
	// Stack is the CloudFormation stack's name or ARN. Empty: nothing is deployed yet.
	Stack string
	// AtlasBaseURL and SecretID are used without a stack; with one, the function's own settings are.
	AtlasBaseURL *url.URL
	SecretID     string
	// Token is an operator's token for the API, WrongToken one of the same issuer for another audience.
	Token, WrongToken redact.String
	// Call is sent through the stack and mints a link, which is dropped. Without Token it is signed with AWS's credentials.
	Call *atlas.Request
	// HTTP carries the requests to the stack; nil means a new client. Now is nil for time.Now.
	HTTP *http.Client
	Now  func() time.Time
}

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
	secretID    string
	reachable   bool // Atlas, from this machine
	credentials *secret.Credentials
	authorizer  *gatewaytypes.JWTConfiguration
	stage       *apigatewayv2.GetStageOutput
	alarmTopics []string // that the stack's alarms notify
	changes     []change // settings that are not what the stack's parameters say
}

// check is one line of the report. It is skipped if a need is not met.
type check struct {
	name  string
	needs []need
	run   func(context.Context, *subject) Result
}

// need is what a check needs from earlier ones. The check that could not read it reports why.
type need struct {
	missing string
	met     func(*subject) bool
}

var (
	identity     = need{"AWS does not know this caller", func(s *subject) bool { return s.identified }}
	stackRead    = need{"the stack could not be read", func(s *subject) bool { return s.stack.name != "" }}
	stackURL     = need{"the stack has no output " + outputURL, func(s *subject) bool { return s.stack.outputs[outputURL] != "" }}
	functionRead = need{"the function could not be read", func(s *subject) bool { return s.environment != nil }}
	secretNamed  = need{"no secret is named; give -secret to check one", func(s *subject) bool { return s.secretID != "" }}
	secretRead   = need{"there are no credentials to try", func(s *subject) bool { return s.credentials != nil }}
	atlasURL     = need{"Atlas's address is not known", func(s *subject) bool { return s.baseURL != nil }}
	atlasAnswers = need{"Atlas does not answer from here", func(s *subject) bool { return s.reachable }}
	jwt          = need{"IAM decides who may call", func(s *subject) bool { return s.stack.usesJWT() }}
	api          = need{"the stack has no HTTP API", func(s *subject) bool { return s.stack.api() != "" }}
	tokenChecked = need{"the authorizer could not be read", func(s *subject) bool { return s.authorizer != nil }}
	stageRead    = need{"the stage could not be read", func(s *subject) bool { return s.stage != nil }}
)

// What most checks need.
var (
	onStack    = []need{stackRead}
	onFunction = []need{stackRead, functionRead}
)

// before are the checks without a stack.
var before = []check{
	{"aws-identity", nil, awsIdentity},
	{"lambda-quota", []need{identity}, lambdaQuota},
	{"atlas", []need{atlasURL}, atlasConnection},
	{"secret", []need{secretNamed, identity}, secretValue},
	{"atlas-credentials", []need{secretRead, atlasAnswers}, atlasCredentials},
}

// deployed are the checks of a stack. Those that others depend on come first.
var deployed = []check{
	{"aws-identity", nil, awsIdentity},
	{"stack", []need{identity}, stackState},
	{"function", onStack, functionState},
	{"environment", onFunction, functionEnvironment},
	{"policy", onFunction, cedarPolicy},
	{"concurrency", onFunction, concurrency},
	{"aliases", onFunction, aliases},
	{"async", onFunction, asyncInvocation},
	{"function-access", onFunction, functionAccess},
	{"lambda-quota", []need{identity}, lambdaQuota},
	{"secret", onFunction, secretValue},
	{"egress-ips", onStack, egressIPs},
	{"atlas", []need{stackRead, functionRead, atlasURL}, atlasConnection},
	{"atlas-credentials", []need{stackRead, functionRead, secretRead, atlasAnswers}, atlasCredentials},
	{"routes", onStack, routes},
	{"authorizer", []need{stackRead, jwt, api}, authorizer},
	{"issuer", []need{stackRead, jwt, api, tokenChecked}, issuer},
	{"throttling", []need{stackRead, api}, throttling},
	{"access-log", []need{stackRead, api, stageRead}, accessLog},
	{"log-retention", onStack, logRetention},
	{"alarms", onStack, alarms},
	{"alarm-recipients", onStack, alarmRecipients},
	{"recent-outcomes", onFunction, recentOutcomes},
	{"refusals", []need{stackRead, stackURL}, refusals},
	{"cors", []need{stackRead, api, stackURL}, cors},
	{"settings", onFunction, settings},
	{"end-to-end", []need{stackRead, stackURL}, endToEnd},
}

// Run makes every check that fits the options, one after the other, and yields its result.
func Run(ctx context.Context, o Options) iter.Seq[Result] {
	if o.Now == nil {
		o.Now = time.Now
	}
	client := http.Client{Transport: atlas.NewTransport()}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	// A redirect is an answer here: following one would pass a token on.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s := &subject{
		options: o, http: &client, lambda: lambda.NewFromConfig(o.AWS), gateway: apigatewayv2.NewFromConfig(o.AWS),
		baseURL: o.AtlasBaseURL, secretID: o.SecretID,
	}
	checks := before
	if o.Stack != "" {
		checks = deployed
	}
	return func(yield func(Result) bool) {
		for _, c := range checks {
			result := c.make(ctx, s)
			result.Check = c.name
			if !yield(result) {
				return
			}
		}
	}
}

// checkTimeout bounds one check. The longest is a call through the stack, which API Gateway answers within 30 s (API
// Gateway developer guide, "Quotas for configuring and running an HTTP API").
const checkTimeout = 40 * time.Second

func (c check) make(ctx context.Context, s *subject) Result {
	for _, need := range c.needs {
		if !need.met(s) {
			return skip("%s", need.missing)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.run(ctx, s)
}
