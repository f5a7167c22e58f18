package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
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

// functionState checks that the function can run, and keeps its environment.
func functionState(ctx context.Context, s *subject) Result {
	name := s.stack.functionName()
	if name == "" {
		return fail("the stack has no function").fix(deployWhole)
	}
	out, err := s.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return unreadOr(err, "the stack's function "+name+" was deleted by hand", deleteAndDeploy)
	}
	s.environment = map[string]string{}
	if out.Environment != nil {
		s.environment = out.Environment.Variables
	}
	const fixReason = "fix what the reason names and deploy again"
	switch {
	case out.State == types.StateInactive:
		return fail("the function is Inactive: Lambda has freed its resources after a long time without a call").
			fix("call it once and run doctor again")
	case out.State != types.StateActive:
		return fail("the function's state is %s: %s", out.State, oneLine(aws.ToString(out.StateReason))).fix(fixReason)
	case out.LastUpdateStatus == types.LastUpdateStatusFailed:
		return fail("the function's last update failed: %s", oneLine(aws.ToString(out.LastUpdateStatusReason))).fix(fixReason)
	case out.LastUpdateStatus == types.LastUpdateStatusInProgress:
		return fail("the function is being updated").fix("run doctor again in a minute")
	}
	return pass("%s is active, %s, %d MB", name, out.Architectures, *out.MemorySize)
}

// functionEnvironment reads the variables with the code that the function starts with.
func functionEnvironment(_ context.Context, s *subject) Result {
	if _, err := function.ReadEnvironment(s.environment); err != nil {
		return fail("the function will not start: %v", err).fix("correct the stack's parameters and deploy again")
	}
	s.baseURL, _ = atlas.ParseBaseURL(s.environment["ATLAS_BASE_URL"], false)
	switch {
	case s.environment["AWS_SAM_LOCAL"] != "":
		return fail("AWS_SAM_LOCAL is set: the policy for local work would be accepted").fix("remove the variable from the function")
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
		out, err := s.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(s.stack.functionName()), Name: &alias})
		if err != nil {
			return unreadOr(err, "the alias "+alias+" is missing", "deploy again: the template makes both aliases")
		}
		versions[alias] = aws.ToString(out.FunctionVersion)
		switch {
		case versions[alias] == "$LATEST":
			return fail("the alias %s points at $LATEST, which changes without a deployment", alias).
				fix("deploy again, so that it points at a published version")
		case out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0:
			return fail("the alias %s is between two versions: a canary deployment is under way", alias).
				fix("wait until CodeDeploy has finished, or roll it back there")
		}
	}
	if versions[aliasAPI] != versions[aliasService] {
		return fail("api runs version %s and service version %s", versions[aliasAPI], versions[aliasService]).
			fix("deploy again: a rollback has left them on different versions")
	}
	return pass("api and service run version %s", versions[aliasAPI])
}

// asyncInvocation checks that asynchronous invocations are neither retried, which mints a second link, nor sent to a
// destination, which would store one.
func asyncInvocation(ctx context.Context, s *subject) Result {
	name := s.stack.functionName()
	for _, qualifier := range []string{aliasAPI, aliasService, "$LATEST"} {
		out, err := s.lambda.GetFunctionEventInvokeConfig(ctx,
			&lambda.GetFunctionEventInvokeConfigInput{FunctionName: &name, Qualifier: &qualifier})
		if err != nil {
			return unreadOr(err, "asynchronous invocations of "+qualifier+" are retried twice, Lambda's default",
				"deploy again: the template sets no retries")
		}
		if out.MaximumRetryAttempts == nil || *out.MaximumRetryAttempts != 0 {
			return fail("asynchronous invocations of %s are retried: each retry mints a link that no caller gets", qualifier).
				fix("set MaximumRetryAttempts to 0")
		}
		d := out.DestinationConfig
		if d != nil && (d.OnSuccess != nil && d.OnSuccess.Destination != nil || d.OnFailure != nil && d.OnFailure.Destination != nil) {
			return fail("asynchronous invocations of %s have a destination, which would store links that sign operators in", qualifier).
				fix("remove the destination")
		}
	}
	return pass("no retries and no destinations on api, service and $LATEST")
}

// functionAccess looks for function URLs without authorization and for resource policies that let every caller in.
func functionAccess(ctx context.Context, s *subject) Result {
	name := s.stack.functionName()
	urls, err := s.lambda.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &name})
	if err != nil {
		return unread(err)
	}
	for _, u := range urls.FunctionUrlConfigs {
		if u.AuthType == types.FunctionUrlAuthTypeNone {
			return fail("the function has a public function URL (AuthType NONE)").fix("delete it: aws lambda delete-function-url-config")
		}
	}
	for _, qualifier := range []string{"", aliasAPI, aliasService} {
		input := &lambda.GetPolicyInput{FunctionName: &name}
		where := "the function"
		if qualifier != "" {
			input.Qualifier, where = &qualifier, "the alias "+qualifier
		}
		out, err := s.lambda.GetPolicy(ctx, input)
		if notFound(err) {
			continue // no statements at all
		}
		if err != nil {
			return unread(err)
		}
		open, err := openStatements(aws.ToString(out.Policy))
		if err != nil {
			return blocked(fmt.Sprintf("the resource policy of %s cannot be read: %v", where, err), "look at it: aws lambda get-policy")
		}
		if len(open) > 0 {
			return fail("the resource policy of %s lets every caller in: %s", where, strings.Join(open, ", ")).
				fix("remove the statement: aws lambda remove-permission")
		}
	}
	return pass("no function URL without authorization, no statement for every caller")
}

// openStatements returns the ids of the statements that allow every principal, or a service on behalf of every account.
func openStatements(policy string) ([]string, error) {
	var document struct {
		Statement []struct {
			Sid, Effect string
			Principal   json.RawMessage
			Condition   map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return nil, fmt.Errorf("it is not a policy document: %w", err)
	}
	var open []string
	for _, statement := range document.Statement {
		principal := string(statement.Principal)
		everyCaller := strings.Contains(principal, `"*"`) || strings.Contains(principal, `"Service"`)
		if statement.Effect == "Allow" && len(statement.Condition) == 0 && everyCaller {
			open = append(open, statement.Sid)
		}
	}
	return open, nil
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
			fix("Service Quotas console, AWS Lambda, Concurrent executions: request 1000")
	}
	return pass("%d concurrent executions, %d of them not reserved", quota, free)
}
