package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"atriptoken/atlas"
	"atriptoken/internal/function"
)

const (
	aliasAPI     = "api"
	aliasService = "service"
)

// functionName is the broker's function in the stack, "" when there is none.
func (s *stack) functionName() string { return s.one("AWS::Lambda::Function", "Function") }

// functionState says whether the function can run, and keeps its environment.
func functionState(ctx context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	name := s.stack.functionName()
	if name == "" {
		return fail("the stack holds no function", "deploy the whole template (make deploy)")
	}
	out, err := s.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if notFound(err) {
		return fail("the stack's function "+name+" was deleted by hand", "delete the stack and deploy again")
	}
	if err != nil {
		return unread(err)
	}
	s.environment = map[string]string{}
	if out.Environment != nil {
		s.environment = out.Environment.Variables
	}
	switch {
	case out.State == types.StateInactive:
		return fail("the function is Inactive: its resources were reclaimed after a long time without a call", "call it once and run doctor again")
	case out.State != types.StateActive:
		return fail(fmt.Sprintf("the function's state is %s: %s", out.State, oneLine(value(out.StateReason))), "mend what the reason names and deploy again")
	case out.LastUpdateStatus == types.LastUpdateStatusFailed:
		return fail("the function's last update failed: "+oneLine(value(out.LastUpdateStatusReason)), "mend what the reason names and deploy again")
	case out.LastUpdateStatus == types.LastUpdateStatusInProgress:
		return fail("the function is being updated", "run doctor again in a minute")
	}
	return pass(fmt.Sprintf("%s is active, %s, %d MB", name, strings.Join(architectures(out.Architectures), ", "), *out.MemorySize))
}

func architectures(all []types.Architecture) []string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = string(a)
	}
	return names
}

// functionEnvironment reads the variables with the very code that the function
// starts with.
func functionEnvironment(_ context.Context, s *subject) finding {
	if s.environment == nil {
		return s.needsFunction()
	}
	if _, err := function.ReadEnvironment(s.environment); err != nil {
		return fail("the function will not start: "+err.Error(), "set the stack's parameters right and deploy again")
	}
	base := s.environment["ATLAS_BASE_URL"]
	s.baseURL, _ = atlas.ParseBaseURL(base, false)
	switch {
	case s.environment["AWS_SAM_LOCAL"] != "":
		return fail("AWS_SAM_LOCAL is set: the policy for local work would be accepted", "remove the variable from the function")
	case strings.HasSuffix(s.environment["ATRIP_POLICY_FILE"], "local.cedar"):
		return fail("the policy is the one for local work, with which the function does not start in Lambda", "set PolicyFile to policies/default.cedar, or your own, and deploy again")
	case strings.HasSuffix(s.baseURL.Hostname(), "example.com"):
		return fail("ATLAS_BASE_URL is the example of samconfig.toml", "put your account's base URL, which Atlas gives you, into samconfig.toml")
	}
	return pass("every variable is valid; Atlas is at " + s.baseURL.Host)
}

// aliases says whether both doors stand, on the same published version.
func aliases(ctx context.Context, s *subject) finding {
	if s.environment == nil {
		return s.needsFunction()
	}
	name := s.stack.functionName()
	versions := map[string]string{}
	for _, alias := range []string{aliasAPI, aliasService} {
		out, err := s.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &name, Name: &alias})
		if notFound(err) {
			return fail("the alias "+alias+" is missing", "deploy again: the template makes both aliases")
		}
		if err != nil {
			return unread(err)
		}
		if value(out.FunctionVersion) == "$LATEST" {
			return fail("the alias "+alias+" points at $LATEST, which changes without a deployment", "deploy again, so that it points at a published version")
		}
		if out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0 {
			return fail("the alias "+alias+" is between two versions: a canary deployment is under way", "wait until CodeDeploy is done, or roll it back there")
		}
		versions[alias] = value(out.FunctionVersion)
	}
	if versions[aliasAPI] != versions[aliasService] {
		return fail(fmt.Sprintf("api runs version %s and service version %s", versions[aliasAPI], versions[aliasService]), "deploy again: a rollback has left them apart")
	}
	return pass("api and service run version " + versions[aliasAPI])
}

// asyncInvocation looks for what would keep a link, or mint a second one for
// nobody: retries and destinations of asynchronous invocations.
func asyncInvocation(ctx context.Context, s *subject) finding {
	if s.environment == nil {
		return s.needsFunction()
	}
	name := s.stack.functionName()
	for _, qualifier := range []string{aliasAPI, aliasService, "$LATEST"} {
		out, err := s.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &name, Qualifier: &qualifier})
		if notFound(err) {
			return fail("asynchronous invocations of "+qualifier+" are retried twice, as Lambda does by default", "deploy again: the template sets no retries")
		}
		if err != nil {
			return unread(err)
		}
		if out.MaximumRetryAttempts == nil || *out.MaximumRetryAttempts != 0 {
			return fail("asynchronous invocations of "+qualifier+" are retried: each retry mints a link that nobody gets", "set MaximumRetryAttempts to 0")
		}
		if d := out.DestinationConfig; d != nil && (d.OnSuccess != nil && value(d.OnSuccess.Destination) != "" || d.OnFailure != nil && value(d.OnFailure.Destination) != "") {
			return fail("asynchronous invocations of "+qualifier+" have a destination, which would keep links that sign people in", "remove the destination")
		}
	}
	return pass("no retries and no destinations on api, service and $LATEST")
}

// functionAccess looks for doors that were added by hand: function URLs, and
// statements of the resource policy that let everybody in.
func functionAccess(ctx context.Context, s *subject) finding {
	if s.environment == nil {
		return s.needsFunction()
	}
	name := s.stack.functionName()
	urls, err := s.lambda.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: &name})
	if err != nil {
		return unread(err)
	}
	for _, u := range urls.FunctionUrlConfigs {
		if u.AuthType == types.FunctionUrlAuthTypeNone {
			return fail("the function has a public function URL (AuthType NONE)", "delete it: aws lambda delete-function-url-config")
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
		open, err := openStatements(value(out.Policy))
		if err != nil {
			return blocked(fmt.Sprintf("the resource policy of %s cannot be read: %v", where, err), "look at it: aws lambda get-policy")
		}
		if len(open) > 0 {
			return fail(fmt.Sprintf("the resource policy of %s lets everybody in: %s", where, strings.Join(open, ", ")), "remove the statement: aws lambda remove-permission")
		}
	}
	return pass("no function URL without authorization, no statement for everybody")
}

// openStatements returns the ids of the statements that allow every principal,
// or every account's API Gateway or other service.
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
		if statement.Effect != "Allow" || len(statement.Condition) > 0 {
			continue
		}
		principal := string(statement.Principal)
		if strings.Contains(principal, `"*"`) || strings.Contains(principal, `"Service"`) {
			open = append(open, statement.Sid)
		}
	}
	return open, nil
}

// Accounts begin with a low limit of concurrent executions; 1,000 is the
// documented default (Lambda developer guide, "Lambda quotas").
const usualConcurrency = 1000

// lambdaQuota says how many executions the account can run at once.
func lambdaQuota(ctx context.Context, s *subject) finding {
	if !s.identified {
		return needsIdentity()
	}
	out, err := s.lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return unread(err)
	}
	quota, free := out.AccountLimit.ConcurrentExecutions, *out.AccountLimit.UnreservedConcurrentExecutions
	if quota < usualConcurrency {
		return fail(fmt.Sprintf("this account and Region may run %d executions at once, less than Lambda's usual %d", quota, usualConcurrency),
			"Service Quotas console, AWS Lambda, Concurrent executions: ask for 1000")
	}
	return pass(fmt.Sprintf("%d concurrent executions, %d of them not reserved", quota, free))
}
