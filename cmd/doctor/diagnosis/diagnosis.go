// Package diagnosis examines an ATRIP token broker, deployed or about to be. Each check reports what would prevent
// going live and how to fix it. The checks read and never write; only Options.Call makes Atlas mint a link.
package diagnosis

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
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
	policies    []string    // files; the candidate's may be ""
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

// check is one line of the report.
type check struct {
	name  string
	needs []need
	run   func(context.Context, *subject) Result
}

// need is something that a check requires. Without it the check is left out: an earlier one says why, or it does not apply.
type need func(*subject) bool

func identity(s *subject) bool     { return s.identified }
func stackRead(s *subject) bool    { return s.stack.name != "" }
func functionRead(s *subject) bool { return s.environment != nil }
func policies(s *subject) bool     { return s.policies != nil }
func stackURL(s *subject) bool     { return s.stack.outputs[outputURL] != "" }
func api(s *subject) bool          { return s.stack.api() != "" }
func tokens(s *subject) bool       { return s.authorizer != nil }
func stageRead(s *subject) bool    { return s.stage != nil }
func atlasURL(s *subject) bool     { return s.baseURL != nil }
func atlasAnswers(s *subject) bool { return s.reachable }
func secretRead(s *subject) bool   { return s.credentials != nil }

// before are the checks without a stack.
var before = []check{
	{"aws-identity", nil, awsIdentity},
	{"lambda-quota", []need{identity}, lambdaQuota},
	{"atlas", []need{atlasURL}, atlasConnection},
	{"secret", []need{identity}, secretValue},
	{"atlas-credentials", []need{secretRead, atlasAnswers}, atlasCredentials},
}

// deployed are the checks of a stack. Those that others depend on come first.
var deployed = []check{
	{"aws-identity", nil, awsIdentity},
	{"stack", []need{identity}, stackState},
	{"function", []need{stackRead}, functionState},
	{"environment", []need{functionRead}, functionEnvironment},
	{"policy", []need{policies}, cedarPolicy},
	{"concurrency", []need{functionRead}, concurrency},
	{"aliases", []need{functionRead}, aliases},
	{"async", []need{functionRead}, asyncInvocation},
	{"function-access", []need{functionRead}, functionAccess},
	{"lambda-quota", []need{identity}, lambdaQuota},
	{"secret", []need{functionRead}, secretValue},
	{"egress-ips", []need{atlasURL}, egressIPs},
	{"atlas", []need{atlasURL}, atlasConnection},
	{"atlas-credentials", []need{secretRead, atlasAnswers}, atlasCredentials},
	{"routes", []need{stackRead}, routes},
	{"authorizer", []need{api}, authorizer},
	{"issuer", []need{tokens}, issuer},
	{"throttling", []need{api}, throttling},
	{"access-log", []need{stageRead}, accessLog},
	{"log-retention", []need{stackRead}, logRetention},
	{"alarms", []need{stackRead}, alarms},
	{"alarm-recipients", []need{stackRead}, alarmRecipients},
	{"recent-outcomes", []need{functionRead}, recentOutcomes},
	{"refusals", []need{stackURL}, refusals},
	{"cors", []need{api, stackURL}, cors},
	{"settings", []need{stackRead}, settings},
	{"end-to-end", []need{stackURL}, endToEnd},
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
			if slices.ContainsFunc(c.needs, func(met need) bool { return !met(s) }) {
				continue
			}
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
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.run(ctx, s)
}
