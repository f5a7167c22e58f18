// Package diagnosis examines an ATRIP token broker, deployed or about to be. Each check reports what would prevent
// going live and how to fix it. The checks read and never write; only Options.Call makes Atlas mint a link.
package diagnosis

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"atriptoken/atlas"
	"atriptoken/internal/redact"
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
	// Origin is an origin that CORS must allow. Empty: the first one that the API lists.
	Origin string
	// Token is an operator's token for the API, WrongToken one of the same issuer for another audience.
	Token, WrongToken redact.String
	// Call is sent through the stack and mints a link, which is dropped. Without Token it is signed with AWS's credentials.
	Call *atlas.Request
	// HTTP carries the requests to the stack; nil means a new client. Now is nil for time.Now.
	HTTP *http.Client
	Now  func() time.Time
	// Found, if not nil, is called with each result.
	Found func(Result)
}

// check is one line of the report.
type check struct {
	name string
	// missing returns why the check cannot be made yet, "" if it can. The check that failed to read it reports why.
	missing func(*subject) string
	run     func(context.Context, *subject) Result
}

// checkTimeout bounds one check. The longest is a call through the stack, which API Gateway answers within 30 s (API
// Gateway developer guide, "Quotas for configuring and running an HTTP API").
const checkTimeout = 40 * time.Second

// Run makes every check that fits the options, one after the other.
func Run(ctx context.Context, o Options) Report {
	s := newSubject(o)
	checks := before
	if o.Stack != "" {
		checks = deployed
	}
	report := make(Report, 0, len(checks))
	for _, c := range checks {
		result := c.make(ctx, s)
		result.Check = c.name
		report = append(report, result)
		if o.Found != nil {
			o.Found(result)
		}
	}
	return report
}

func (c check) make(ctx context.Context, s *subject) Result {
	if reason := c.missing(s); reason != "" {
		return skip("%s", reason)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.run(ctx, s)
}

// before are the checks without a stack.
var before = []check{
	{"aws-identity", nothing, awsIdentity},
	{"lambda-quota", identity, lambdaQuota},
	{"atlas", atlasURL, atlasConnection},
	{"secret", secretID, secretValue},
	{"atlas-credentials", credentials, atlasCredentials},
}

// deployed are the checks of a stack. Those that others depend on come first.
var deployed = []check{
	{"aws-identity", nothing, awsIdentity},
	{"stack", identity, stackState},
	{"function", stackRead, functionState},
	{"environment", functionRead, functionEnvironment},
	{"function-settings", functionRead, functionSettings},
	{"policy", functionRead, cedarPolicy},
	{"concurrency", functionRead, concurrency},
	{"aliases", functionRead, aliases},
	{"async", functionRead, asyncInvocation},
	{"function-access", functionRead, functionAccess},
	{"lambda-quota", identity, lambdaQuota},
	{"secret", secretID, secretValue},
	{"egress-ips", stackRead, egressIPs},
	{"atlas", atlasURL, atlasConnection},
	{"atlas-credentials", credentials, atlasCredentials},
	{"routes", stackRead, routes},
	{"authorizer", apiWithJWT, authorizer},
	{"issuer", authorizerRead, issuer},
	{"throttling", apiFound, throttling},
	{"access-log", stageRead, accessLog},
	{"log-retention", stackRead, logRetention},
	{"alarms", stackRead, alarms},
	{"alarm-recipients", stackRead, alarmRecipients},
	{"recent-outcomes", functionRead, recentOutcomes},
	{"no-identity", stackURL, noIdentity},
	{"forged-token", authorizerRead, forgedToken},
	{"wrong-audience", jwt, wrongAudience},
	{"cors", stackURL, cors},
	{"end-to-end", stackURL, endToEnd},
}
