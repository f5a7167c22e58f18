package diagnosis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// change is a setting that is not what the stack says, and the command that restores it.
type change struct{ difference, restore string }

// compare compares a setting with the stack's parameter, if the stack has that.
func (s *subject) compare(what, got, parameter, restore string) {
	want, ok := s.stack.parameters[parameter]
	if ok && !slices.Equal(list(got), list(want)) {
		s.changed(restore, "%s is %q, the parameter %s says %q", what, oneLine(got), parameter, want)
	}
}

func (s *subject) changed(restore, format string, args ...any) {
	s.changes = append(s.changes, change{fmt.Sprintf(format, args...), restore})
}

// list returns the members of a comma-separated list in a fixed order: AWS keeps neither spaces nor the order.
func list(s string) []string {
	members := strings.Split(s, ",")
	for i := range members {
		members[i] = strings.TrimSpace(members[i])
	}
	slices.Sort(members)
	return members
}

// settings reports what was changed by hand, or by a parameter whose change was not deployed: what the checks before it
// have compared, and the version behind the alias api.
func settings(_ context.Context, s *subject) Result {
	if s.function != nil {
		s.compareFunction()
	}
	if len(s.changes) == 0 {
		return pass("nothing that could be read differs from the stack's parameters")
	}
	var differences, restores []string
	for _, c := range s.changes {
		differences = append(differences, c.difference)
		if !slices.Contains(restores, c.restore) {
			restores = append(restores, c.restore)
		}
	}
	return fail("changed by hand, or not deployed: %s", strings.Join(differences, "; ")).fix("%s", strings.Join(restores, "; "))
}

// variables are the function's environment variables and the template's parameter that sets each. A test compares them
// with template.yaml. ATLAS_SECRET_ARN is the output SecretArn, GOMAXPROCS is constant.
var variables = map[string]string{
	"ATLAS_BASE_URL":                   "AtlasBaseUrl",
	"ATLAS_CLIENT_ID":                  "AtlasClientId",
	"ATLAS_ROLES":                      "AtlasRoles",
	"ATLAS_PORTAL_HOSTS":               "AtlasPortalHosts",
	"ATLAS_ATTEMPT_TIMEOUT":            "AtlasAttemptTimeout",
	"ATRIP_SECRET_TTL":                 "SecretTtl",
	"ATRIP_POLICY_FILE":                "PolicyFile",
	"ATRIP_POLICY_CANDIDATE_FILE":      "PolicyCandidateFile",
	"ATRIP_ACCOUNTS":                   "AtlasAccounts",
	"ATRIP_OPERATOR_NAME_CLAIM":        "OperatorNameClaim",
	"ATRIP_OPERATOR_GROUPS_CLAIM":      "OperatorGroupsClaim",
	"AWS_ENDPOINT_URL_SECRETS_MANAGER": "SecretsManagerEndpointUrl",
}

func (s *subject) compareFunction() {
	f, restore := s.function, s.stack.revert()+"; then publish a version: make deploy"
	s.compare("the memory size", fmt.Sprint(aws.ToInt32(f.MemorySize)), "MemorySize", restore)
	s.compare("the architecture", strings.Trim(fmt.Sprint(f.Architectures), "[]"), "Architecture", restore)
	var layers []string
	for _, layer := range f.Layers {
		layers = append(layers, aws.ToString(layer.Arn))
	}
	s.compare("the layer", strings.Join(layers, ","), "PolicyLayerArn", restore)
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		s.compare(variable, s.environment[variable], variables[variable], restore)
	}
	if got, want := s.environment["ATLAS_SECRET_ARN"], s.stack.outputs["SecretArn"]; want != "" && got != want {
		s.changed(restore, "ATLAS_SECRET_ARN is %q, the output SecretArn is %q", got, want)
	}
	for _, variable := range slices.Sorted(maps.Keys(s.environment)) {
		if _, ok := variables[variable]; !ok && variable != "ATLAS_SECRET_ARN" && variable != "GOMAXPROCS" {
			s.changed(restore, "the variable %s is not the template's", variable)
		}
	}
	if attached := f.VpcConfig != nil && len(f.VpcConfig.SubnetIds) > 0; attached != s.stack.inVPC() {
		s.compare("the function's network", map[bool]string{true: "a VPC", false: "none"}[attached], "NetworkMode", restore)
	}
	group := s.stack.ids["FunctionLogs"]
	if l := f.LoggingConfig; l != nil && (aws.ToString(l.LogGroup) != group || l.LogFormat != types.LogFormatJson) {
		s.changed(restore, "the log goes to %s as %s, not to %s as JSON: no metric is counted", aws.ToString(l.LogGroup), l.LogFormat, group)
	}
}

// concurrency checks the function's reserved concurrency: 0 refuses every call.
func concurrency(ctx context.Context, s *subject) Result {
	name := s.stack.function()
	out, err := s.lambda.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
	if err != nil {
		return unread(err)
	}
	restore := "aws lambda delete-function-concurrency --function-name " + name
	if want := s.stack.parameters["ReservedConcurrency"]; want != "" && want != "-1" { // -1 means none
		restore = fmt.Sprintf("aws lambda put-function-concurrency --function-name %s --reserved-concurrent-executions %s", name, want)
	}
	if out.ReservedConcurrentExecutions == nil {
		s.compare("the reserved concurrency", "-1", "ReservedConcurrency", restore)
		return pass("none is reserved: the function shares the account's")
	}
	reserved := *out.ReservedConcurrentExecutions
	if reserved == 0 {
		return fail("the function's reserved concurrency is 0: Lambda refuses every call").fix("%s", restore)
	}
	s.compare("the reserved concurrency", fmt.Sprint(reserved), "ReservedConcurrency", restore)
	return pass("%d executions are reserved", reserved)
}

// revert is the fix for a resource that was changed or deleted by hand: a change set that compares the template with the real
// resources (CloudFormation user guide, "Using drift-aware change sets"). Deploying an unchanged template changes nothing.
func (s *stack) revert() string {
	return fmt.Sprintf("aws cloudformation create-change-set --stack-name %[1]s --change-set-name revert --use-previous-template "+
		"--deployment-mode REVERT_DRIFT --capabilities CAPABILITY_IAM --parameters $(aws cloudformation describe-stacks "+
		"--stack-name %[1]s --output text --query \"Stacks[0].Parameters[].join('', ['ParameterKey=', ParameterKey, "+
		"',UsePreviousValue=true'])\"); read it, then aws cloudformation execute-change-set --stack-name %[1]s --change-set-name revert", s.name)
}
