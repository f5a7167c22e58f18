package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// stack is what CloudFormation knows of the stack.
type stack struct {
	name       string
	parameters map[string]string
	outputs    map[string]string
	ids        map[string]string   // the resources' physical ids by their names in template.yaml
	kinds      map[string][]string // the resources' names by their type
}

func (s *stack) function() string   { return s.ids["Function"] }
func (s *stack) api() string        { return s.ids["Api"] }
func (s *stack) authorizer() string { return s.ids["Authorizer"] }
func (s *stack) usesJWT() bool      { return s.parameters["AuthMode"] == "JWT" }

// inVPC reports whether the function calls from a VPC.
func (s *stack) inVPC() bool {
	return s.parameters["NetworkMode"] != "" && s.parameters["NetworkMode"] != "none"
}

// outputURL is the output of template.yaml with the address that callers use.
const outputURL = "Url"

// Fixes that several checks name.
const (
	deployWhole     = "deploy the whole template (make deploy)"
	deleteAndDeploy = "delete the stack (make destroy) and deploy again"
)

// stackState reads the stack and checks that its last deployment succeeded.
func stackState(ctx context.Context, s *subject) Result {
	described, err := FindStack(ctx, s.options.AWS, s.options.Stack)
	if errors.Is(err, errNoStack) {
		return fail("%v", err).fix("deploy it (make deploy), or check -stack, the Region and the account")
	}
	if err != nil {
		return unread(err)
	}
	read := stack{*described.StackName, map[string]string{}, map[string]string{}, map[string]string{}, map[string][]string{}}
	for _, p := range described.Parameters {
		read.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, o := range described.Outputs {
		read.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	client := cloudformation.NewFromConfig(s.options.AWS)
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &read.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unread(err)
		}
		for _, r := range page.StackResourceSummaries {
			name, kind := aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType)
			read.ids[name] = aws.ToString(r.PhysicalResourceId)
			read.kinds[kind] = append(read.kinds[kind], name)
		}
	}
	s.stack = read
	why := "aws cloudformation describe-stack-events --stack-name " + read.name + " shows the first failure; fix that"
	switch status := described.StackStatus; {
	case status == types.StackStatusUpdateRollbackComplete:
		return fail("the last update of %s failed and was rolled back; the deployment before is running", read.name).
			fix("%s and deploy again", why)
	case status == types.StackStatusRollbackComplete || status == types.StackStatusRollbackFailed || status == types.StackStatusCreateFailed:
		return fail("the stack could not be created (%s)", status).fix("%s, then %s", why, deleteAndDeploy)
	case strings.HasSuffix(string(status), "_IN_PROGRESS"):
		return fail("the stack's deployment is not finished: %s", status).fix("wait until it is, then run doctor again")
	case strings.HasSuffix(string(status), "_FAILED"):
		return fail("the stack is in the state %s", status).
			fix("%s, then aws cloudformation continue-update-rollback --stack-name %s, or %s", why, read.name, deleteAndDeploy)
	case read.outputs[outputURL] == "":
		return fail("the stack has no output %s", outputURL).fix(deployWhole)
	default:
		return pass("%s is %s", read.name, status)
	}
}

var errNoStack = errors.New("there is no stack")

// FindStack returns CloudFormation's description of the stack, or an error.
func FindStack(ctx context.Context, config aws.Config, name string) (types.Stack, error) {
	out, err := cloudformation.NewFromConfig(config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationError" || err == nil && len(out.Stacks) == 0 {
		return types.Stack{}, fmt.Errorf("%w %q in Region %s", errNoStack, name, config.Region)
	}
	if err != nil {
		return types.Stack{}, err
	}
	return out.Stacks[0], nil
}

// oneLine folds a text into one line of at most 200 characters.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}
