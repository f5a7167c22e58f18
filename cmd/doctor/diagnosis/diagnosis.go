// Package diagnosis looks at an ATRIP token broker, deployed or about to be,
// and says check by check what would stop going live and how to mend it. It
// reads and never writes; the one call that makes Atlas mint a link is made
// only when Options.Call asks for it.
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

// Options say what to look at.
type Options struct {
	// AWS is the account's configuration: Region, credentials, endpoints.
	AWS aws.Config
	// Stack is the CloudFormation stack's name or ARN. Empty: nothing is
	// deployed yet, and only what can be seen from here is checked.
	Stack string
	// AtlasBaseURL is where Atlas is before there is a stack. With a stack,
	// the function's own setting counts.
	AtlasBaseURL *url.URL
	// SecretID names the secret with the Atlas credentials before there is a
	// stack. Empty: they are not checked.
	SecretID string
	// Origin is a page's origin that must be allowed by CORS. Empty: the first
	// one that the API lists.
	Origin string
	// Token is an operator's token for the API; WrongToken one of the same
	// issuer for another audience. Empty ones skip their checks.
	Token, WrongToken redact.String
	// Call, when not nil, is sent through the stack and mints a link, which is
	// dropped. Without Token it is signed with the credentials of AWS.
	Call *atlas.Request
	// HTTP carries the requests to the stack; nil means a client of its own.
	HTTP *http.Client
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Starting, if not nil, is told of each check before it runs.
	Starting func(check string, number, of int)
	// Found, if not nil, is given each result at once.
	Found func(Result)
}

// check is one line of the report.
type check struct {
	name string
	// run looks and says what it found.
	run func(ctx context.Context, s *subject) finding
}

// limit bounds one check. The longest is a call through the stack, which API
// Gateway answers within 30 s (API Gateway developer guide, "Quotas for
// configuring and running an HTTP API").
const limit = 40 * time.Second

// Run makes every check that fits the options, one after the other, and
// returns what they found.
func Run(ctx context.Context, o Options) Report {
	s := newSubject(o)
	checks := before()
	if o.Stack != "" {
		checks = deployed()
	}
	report := make(Report, 0, len(checks))
	for i, c := range checks {
		if o.Starting != nil {
			o.Starting(c.name, i+1, len(checks))
		}
		one, cancel := context.WithTimeout(ctx, limit)
		result := c.run(one, s)
		cancel()
		result.Check = c.name
		report = append(report, result)
		if o.Found != nil {
			o.Found(result)
		}
	}
	return report
}

// before are the checks without a stack.
func before() []check {
	return []check{
		{"aws-identity", awsIdentity},
		{"lambda-quota", lambdaQuota},
		{"atlas-dns", atlasDNS},
		{"atlas-tls", atlasTLS},
		{"atlas-http", atlasHTTP},
		{"secret", secretValue},
		{"atlas-credentials", atlasCredentials},
	}
}

// deployed are the checks of a stack, the ones that others need first.
func deployed() []check {
	return []check{
		{"aws-identity", awsIdentity},
		{"stack", stackState},
		{"function", functionState},
		{"environment", functionEnvironment},
		{"aliases", aliases},
		{"async", asyncInvocation},
		{"function-access", functionAccess},
		{"lambda-quota", lambdaQuota},
		{"secret", secretValue},
		{"egress-ips", egressIPs},
		{"atlas-dns", atlasDNS},
		{"atlas-tls", atlasTLS},
		{"atlas-http", atlasHTTP},
		{"atlas-credentials", atlasCredentials},
		{"routes", routes},
		{"authorizer", authorizer},
		{"issuer", issuer},
		{"throttling", throttling},
		{"access-log", accessLog},
		{"log-retention", logRetention},
		{"alarms", alarms},
		{"alarm-recipients", alarmRecipients},
		{"recent-outcomes", recentOutcomes},
		{"no-identity", noIdentity},
		{"forged-token", forgedToken},
		{"wrong-audience", wrongAudience},
		{"cors", cors},
		{"end-to-end", endToEnd},
	}
}
