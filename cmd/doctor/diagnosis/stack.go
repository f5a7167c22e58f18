package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// stack is what CloudFormation says of the stack.
type stack struct {
	name       string
	parameters map[string]string
	outputs    map[string]string
	// resources are the physical ids by resource type.
	resources map[string][]resource
}

type resource struct{ logical, physical string }

// one returns the physical id of the only resource of the type, or of the one
// with the logical id given; "" when there is none.
func (s *stack) one(kind, logical string) string {
	all := s.resources[kind]
	for _, r := range all {
		if r.logical == logical {
			return r.physical
		}
	}
	if len(all) == 1 {
		return all[0].physical
	}
	return ""
}

// The outputs and parameters of template.yaml that are read here.
const (
	outputURL       = "Url"
	outputEgressIPs = "EgressIps"

	parameterAuthMode = "AuthMode"
	parameterAudience = "JwtAudience"
	parameterNetwork  = "NetworkMode"

	networkNone = "none"
)

// stackState reads the stack and says whether its last deployment went well.
func stackState(ctx context.Context, s *subject) finding {
	if !s.identified {
		return needsIdentity()
	}
	out, err := s.cloudformation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &s.options.Stack})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationError" || err == nil && len(out.Stacks) == 0 {
		return fail(fmt.Sprintf("there is no stack %q in Region %s", s.options.Stack, s.options.AWS.Region),
			"deploy it (make deploy), or check -stack, the Region and the account")
	}
	if err != nil {
		return unread(err)
	}
	described := out.Stacks[0]
	read := &stack{name: *described.StackName, parameters: map[string]string{}, outputs: map[string]string{}, resources: map[string][]resource{}}
	for _, p := range described.Parameters {
		read.parameters[value(p.ParameterKey)] = value(p.ParameterValue)
	}
	for _, o := range described.Outputs {
		read.outputs[value(o.OutputKey)] = value(o.OutputValue)
	}
	if err := s.readResources(ctx, read); err != nil {
		return unread(err)
	}
	s.stack = read
	return s.judgeState(ctx, described)
}

func (s *subject) readResources(ctx context.Context, into *stack) error {
	pages := cloudformation.NewListStackResourcesPaginator(s.cloudformation, &cloudformation.ListStackResourcesInput{StackName: &into.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.StackResourceSummaries {
			kind := value(r.ResourceType)
			into.resources[kind] = append(into.resources[kind], resource{value(r.LogicalResourceId), value(r.PhysicalResourceId)})
		}
	}
	return nil
}

func (s *subject) judgeState(ctx context.Context, described types.Stack) finding {
	status := described.StackStatus
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return pass(fmt.Sprintf("%s is %s", s.stack.name, status))
	case types.StackStatusUpdateRollbackComplete:
		return fail(fmt.Sprintf("the last update of %s failed and was undone%s", s.stack.name, s.firstFailure(ctx)),
			"mend that and deploy again; what runs is the deployment before")
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed:
		return fail(fmt.Sprintf("the stack could not be made (%s)%s", status, s.firstFailure(ctx)),
			"mend that, delete the stack (make destroy) and deploy again")
	}
	if strings.HasSuffix(string(status), "_IN_PROGRESS") {
		return fail(fmt.Sprintf("the stack is half deployed: %s", status), "wait until it is done and run doctor again")
	}
	return fail(fmt.Sprintf("the stack is in the state %s%s", status, s.firstFailure(ctx)),
		"CloudFormation console, stack, Events: mend the first failure, then continue the rollback or delete the stack")
}

// firstFailure returns the first failed resource of the newest deployment and
// why it failed, or "".
func (s *subject) firstFailure(ctx context.Context) string {
	out, err := s.cloudformation.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &s.stack.name})
	if err != nil {
		return ""
	}
	first := ""
	for _, e := range out.StackEvents { // newest first
		if value(e.ResourceType) == "AWS::CloudFormation::Stack" && strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") &&
			!strings.Contains(string(e.ResourceStatus), "ROLLBACK") && !strings.Contains(string(e.ResourceStatus), "CLEANUP") {
			break // where that deployment began
		}
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") {
			first = fmt.Sprintf(": %s: %s", value(e.LogicalResourceId), oneLine(value(e.ResourceStatusReason)))
		}
	}
	return first
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// oneLine folds text of AWS's into one line of at most 200 characters.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}
