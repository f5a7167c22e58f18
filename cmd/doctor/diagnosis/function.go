package diagnosis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"atriptoken/atlas"
	"atriptoken/internal/function"
)

const (
	aliasAPI     = "api"
	aliasService = "service"
)

// functionState checks that the version behind the alias api can run, and keeps its settings.
func functionState(ctx context.Context, s *subject) Result {
	name := s.stack.function()
	if name == "" {
		return fail("the stack has no function").fix(deployWhole)
	}
	input := &lambda.GetFunctionConfigurationInput{FunctionName: &name, Qualifier: aws.String(aliasAPI)}
	out, err := s.lambda.GetFunctionConfiguration(ctx, input)
	if notFound(err) { // the alias, which the check "aliases" reports, or the function
		input.Qualifier = nil
		out, err = s.lambda.GetFunctionConfiguration(ctx, input)
	}
	if err != nil {
		return unreadOr(err, "the stack's function "+name+" was deleted by hand", deleteAndDeploy)
	}
	s.function, s.environment = out, map[string]string{}
	if out.Environment != nil {
		s.environment = out.Environment.Variables
	}
	s.secretID = s.environment["ATLAS_SECRET_ARN"]
	const fixReason = "fix what the reason names and deploy again"
	switch {
	case out.State == types.StateInactive:
		return fail("the function is Inactive: Lambda has freed its resources after a long time without a call").
			fix("aws lambda invoke --function-name %s:%s --payload '{}' /dev/stdout, then run doctor again", name, aliasService)
	case out.State != types.StateActive:
		return fail("the function's state is %s: %s", out.State, oneLine(aws.ToString(out.StateReason))).fix(fixReason)
	case out.LastUpdateStatus == types.LastUpdateStatusFailed:
		return fail("the function's last update failed: %s", oneLine(aws.ToString(out.LastUpdateStatusReason))).fix(fixReason)
	case out.LastUpdateStatus == types.LastUpdateStatusInProgress:
		return fail("the function is being updated").fix("run doctor again in a minute")
	}
	return pass("%s version %s is active, %s, %d MB", name, aws.ToString(out.Version), out.Architectures, aws.ToInt32(out.MemorySize))
}

// functionEnvironment reads the variables with the code that the function starts with.
func functionEnvironment(_ context.Context, s *subject) Result {
	read, err := function.ReadEnvironment(s.environment)
	if err != nil {
		return fail("the function will not start: %v", err).fix("correct the stack's parameters and deploy again")
	}
	s.policies = []string{read.PolicyFile, read.CandidateFile}
	s.hosts, _ = atlas.ParseHosts(read.PortalHosts)
	s.baseURL, _ = atlas.ParseBaseURL(read.BaseURL, false)
	switch {
	case s.environment["AWS_SAM_LOCAL"] != "":
		return fail("AWS_SAM_LOCAL is set: the policy for local work would be accepted").
			fix("%s; then publish a version: make deploy", s.stack.revert())
	case strings.HasSuffix(s.environment["ATRIP_POLICY_FILE"], "local.cedar"):
		return fail("the policy is the one for local work, with which the function does not start in Lambda").
			fix("set PolicyFile to policies/default.cedar, or your own, and deploy again")
	case strings.HasSuffix(s.baseURL.Hostname(), "example.com"):
		return fail("ATLAS_BASE_URL is the example of samconfig.toml").
			fix("put your account's base URL, which Atlas gives you, into samconfig.toml")
	}
	return pass("every variable is valid; Atlas is at %s", s.baseURL.Host)
}

// aliases checks that both aliases run the same published version.
func aliases(ctx context.Context, s *subject) Result {
	versions := map[string]string{}
	for _, alias := range []string{aliasAPI, aliasService} {
		out, err := s.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(s.stack.function()), Name: &alias})
		if err != nil {
			return unreadOr(err, "the alias "+alias+" is missing", s.stack.revert())
		}
		versions[alias] = aws.ToString(out.FunctionVersion)
		switch {
		case versions[alias] == "$LATEST":
			return fail("the alias %s points at $LATEST, which changes without a deployment", alias).fix("%s", s.stack.revert())
		case out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0:
			return fail("the alias %s is between two versions: a canary deployment is under way", alias).
				fix("wait until CodeDeploy has finished, or stop it (aws deploy list-deployments --include-only-statuses InProgress): " +
					"aws deploy stop-deployment --auto-rollback-enabled --deployment-id d-…")
		}
	}
	if versions[aliasAPI] != versions[aliasService] {
		return fail("api runs version %s and service version %s", versions[aliasAPI], versions[aliasService]).
			fix("after a rollback: aws lambda update-alias --function-name %s --name %s --function-version %s",
				s.stack.function(), aliasService, versions[aliasAPI])
	}
	return pass("api and service run version %s", versions[aliasAPI])
}

// asyncInvocation checks that asynchronous invocations are neither retried, which mints a second link, nor sent to a
// destination, which would store one.
func asyncInvocation(ctx context.Context, s *subject) Result {
	name := s.stack.function()
	for _, qualifier := range []string{aliasAPI, aliasService, "$LATEST"} {
		restore := fmt.Sprintf("aws lambda put-function-event-invoke-config --function-name %s --qualifier '%s' "+
			"--maximum-retry-attempts 0 --maximum-event-age-in-seconds 60", name, qualifier)
		out, err := s.lambda.GetFunctionEventInvokeConfig(ctx,
			&lambda.GetFunctionEventInvokeConfigInput{FunctionName: &name, Qualifier: &qualifier})
		if err != nil {
			return unreadOr(err, "asynchronous invocations of "+qualifier+" are retried twice, Lambda's default", restore)
		}
		if out.MaximumRetryAttempts == nil || *out.MaximumRetryAttempts != 0 {
			return fail("asynchronous invocations of %s are retried: each retry mints a link that no caller gets", qualifier).fix("%s", restore)
		}
		d := out.DestinationConfig
		if d != nil && (d.OnSuccess != nil && d.OnSuccess.Destination != nil || d.OnFailure != nil && d.OnFailure.Destination != nil) {
			return fail("asynchronous invocations of %s have a destination, which would store links that sign operators in", qualifier).
				fix("%s", restore)
		}
	}
	return pass("no retries and no destinations on api, service and $LATEST")
}

// functionAccess looks for function URLs without authorization and for resource policies that let every caller in, or that
// do not let the HTTP API in.
func functionAccess(ctx context.Context, s *subject) Result {
	name := s.stack.function()
	urls, err := s.lambda.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &name})
	if err != nil {
		return unread(err)
	}
	for _, u := range urls.FunctionUrlConfigs {
		if u.AuthType == types.FunctionUrlAuthTypeNone {
			return fail("the function has a public function URL (AuthType NONE)").
				fix("delete it: aws lambda delete-function-url-config --function-name %s", name)
		}
	}
	gatewayMayInvoke := false
	for _, qualified := range []string{name, name + ":" + aliasAPI, name + ":" + aliasService} {
		out, err := s.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &qualified})
		if notFound(err) {
			continue // no statements at all
		}
		if err != nil {
			return unread(err)
		}
		var policy struct{ Statement []statement }
		if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &policy); err != nil {
			return blocked("the resource policy of "+qualified+" is not a policy document", "aws lambda get-policy --function-name "+qualified)
		}
		for _, statement := range policy.Statement {
			if statement.open() {
				return fail("the resource policy of %s lets every caller in: %s", qualified, statement.Sid).
					fix("aws lambda remove-permission --function-name %s --statement-id %s", qualified, statement.Sid)
			}
			gatewayMayInvoke = gatewayMayInvoke || qualified == name+":"+aliasAPI && statement.allowsAPI(s.stack.api())
		}
	}
	if id := s.stack.api(); id != "" && !gatewayMayInvoke {
		return fail("the alias api does not let the HTTP API %s invoke it: every call gets HTTP 500", id).fix("%s", s.stack.revert())
	}
	return pass("no function URL without authorization, no statement for every caller; the HTTP API may invoke api")
}

// statement is one of a resource policy.
type statement struct {
	Sid, Effect          string
	Principal, Condition json.RawMessage
}

// accountID matches the account in an ARN or in a condition on the account.
var accountID = regexp.MustCompile(`\b\d{12}\b`)

// open reports whether the statement allows every principal, whatever its condition, or a service on behalf of every
// account.
func (s statement) open() bool {
	everyone := bytes.Contains(s.Principal, []byte(`"*"`))
	forEveryone := bytes.Contains(s.Principal, []byte(`"Service"`)) && !accountID.Match(s.Condition)
	return s.Effect == "Allow" && (everyone || forEveryone)
}

// allowsAPI reports whether the statement lets the HTTP API invoke.
func (s statement) allowsAPI(id string) bool {
	return s.Effect == "Allow" && bytes.Contains(s.Principal, []byte("apigateway.")) && bytes.Contains(s.Condition, []byte(":"+id+"/"))
}

// usualConcurrency is the default quota of an account; new accounts begin lower (Lambda developer guide, "Lambda quotas").
const usualConcurrency = 1000

// lambdaQuota reports how many executions the account can run at once.
func lambdaQuota(ctx context.Context, s *subject) Result {
	out, err := s.lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return unread(err)
	}
	quota, free := out.AccountLimit.ConcurrentExecutions, *out.AccountLimit.UnreservedConcurrentExecutions
	if quota < usualConcurrency {
		return fail("this account and Region may run %d executions at once, less than Lambda's usual %d", quota, usualConcurrency).
			fix("aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value %d",
				usualConcurrency)
	}
	return pass("%d concurrent executions, %d of them not reserved", quota, free)
}
