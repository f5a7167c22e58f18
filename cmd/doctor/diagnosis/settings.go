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

// revert is the fix for a resource that was changed or deleted by hand: a change set that compares the template with the real
// resources (CloudFormation user guide, "Using drift-aware change sets"). Deploying an unchanged template changes nothing.
func (s *stack) revert() string {
	return fmt.Sprintf("aws cloudformation create-change-set --stack-name %[1]s --change-set-name revert --use-previous-template "+
		"--deployment-mode REVERT_DRIFT --capabilities CAPABILITY_IAM --parameters $(aws cloudformation describe-stacks "+
		"--stack-name %[1]s --output text --query \"Stacks[0].Parameters[].join('', ['ParameterKey=', ParameterKey, "+
		"',UsePreviousValue=true'])\"); read it, then aws cloudformation execute-change-set --stack-name %[1]s --change-set-name revert", s.name)
}

// differs describes a value that is not the stack's; it is "" if it is, or if the stack does not set it.
func (s *stack) differs(what, got, parameter string) string {
	want, ok := s.parameters[parameter]
	if !ok || slices.Equal(list(got), list(want)) {
		return ""
	}
	return fmt.Sprintf("%s is %q, the parameter %s says %q", what, oneLine(got), parameter, want)
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

// functionSettings compares the version behind the alias api with the stack: a setting that was changed by hand, or a
// parameter whose change did not publish a version.
func functionSettings(_ context.Context, s *subject) Result {
	f, stack := s.function, &s.stack
	differences := []string{
		stack.differs("the memory size", fmt.Sprint(aws.ToInt32(f.MemorySize)), "MemorySize"),
		stack.differs("the architecture", strings.Trim(fmt.Sprint(f.Architectures), "[]"), "Architecture"),
	}
	var layers []string
	for _, layer := range f.Layers {
		layers = append(layers, aws.ToString(layer.Arn))
	}
	differences = append(differences, stack.differs("the layer", strings.Join(layers, ","), "PolicyLayerArn"))
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		differences = append(differences, stack.differs(variable, s.environment[variable], variables[variable]))
	}
	if want := stack.outputs["SecretArn"]; want != "" && s.environment["ATLAS_SECRET_ARN"] != want {
		differences = append(differences, fmt.Sprintf("ATLAS_SECRET_ARN is %q, the output SecretArn is %q",
			s.environment["ATLAS_SECRET_ARN"], want))
	}
	for _, variable := range slices.Sorted(maps.Keys(s.environment)) {
		if _, ok := variables[variable]; !ok && variable != "ATLAS_SECRET_ARN" && variable != "GOMAXPROCS" {
			differences = append(differences, "the variable "+variable+" is not the template's")
		}
	}
	if attached := f.VpcConfig != nil && len(f.VpcConfig.SubnetIds) > 0; attached != stack.inVPC() {
		network := map[bool]string{true: "a VPC", false: "none"}[attached]
		differences = append(differences, stack.differs("the function's network", network, "NetworkMode"))
	}
	group := stack.one("AWS::Logs::LogGroup", "FunctionLogs")
	if l := f.LoggingConfig; l != nil && (aws.ToString(l.LogGroup) != group || l.LogFormat != types.LogFormatJson) {
		differences = append(differences, fmt.Sprintf("the log goes to %s as %s, not to %s as JSON: no metric is counted",
			aws.ToString(l.LogGroup), l.LogFormat, group))
	}
	differences = slices.DeleteFunc(differences, func(d string) bool { return d == "" })
	if len(differences) > 0 {
		return fail("version %s is not what the stack says: %s", aws.ToString(f.Version), strings.Join(differences, "; ")).
			fix("%s; then publish a version: make deploy", s.stack.revert())
	}
	return pass("version %s has the stack's settings", aws.ToString(f.Version))
}

// concurrency checks the function's reserved concurrency against the stack: 0 refuses every call.
func concurrency(ctx context.Context, s *subject) Result {
	name := s.stack.functionName()
	out, err := s.lambda.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
	if err != nil {
		return unread(err)
	}
	want, got := s.stack.parameters["ReservedConcurrency"], "-1" // the parameter's value for none
	if out.ReservedConcurrentExecutions != nil {
		got = fmt.Sprint(*out.ReservedConcurrentExecutions)
	}
	restore := "aws lambda delete-function-concurrency --function-name " + name
	if want != "" && want != "-1" {
		restore = fmt.Sprintf("aws lambda put-function-concurrency --function-name %s --reserved-concurrent-executions %s", name, want)
	}
	difference := s.stack.differs("the reserved concurrency", got, "ReservedConcurrency")
	switch {
	case got == "0":
		return fail("the function's reserved concurrency is 0: Lambda refuses every call").fix("%s", restore)
	case difference != "":
		return fail("%s: it was changed by hand", difference).fix("%s", restore)
	case got == "-1":
		return pass("none is reserved: the function shares the account's")
	}
	return pass("%s executions are reserved", got)
}
