package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// awsIdentity reports the identity that the other checks use. STS answers every caller with valid credentials.
func awsIdentity(ctx context.Context, s *subject) Result {
	if cause, fix := Unset(ctx, s.options.AWS); cause != "" {
		return blocked(cause, fix)
	}
	out, err := sts.NewFromConfig(s.options.AWS).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return unread(err)
	}
	s.identified = true
	return pass("%s, Region %s", aws.ToString(out.Arn), s.options.AWS.Region)
}

// LoadConfig reads the AWS configuration. The SDK's own log lines are dropped: they would interrupt the report.
func LoadConfig(ctx context.Context) (aws.Config, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return loaded, fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	return loaded, nil
}

// Unset returns what config lacks for a call to AWS, the Region and the credentials at once, and the fix. Both are "" if
// it lacks neither.
func Unset(ctx context.Context, config aws.Config) (cause, fix string) {
	var causes, fixes []string
	if config.Region == "" {
		causes, fixes = append(causes, "no AWS Region is set"), append(fixes, "set AWS_REGION")
	}
	if _, err := config.Credentials.Retrieve(ctx); err != nil {
		cause, fix := Explain(fmt.Errorf("get credentials: %w", err))
		causes, fixes = append(causes, cause), append(fixes, fix)
	}
	return strings.Join(causes, ", and "), strings.Join(fixes, "; ")
}

// unread is the result when AWS did not return what a check needs.
func unread(err error) Result { return blocked(Explain(err)) }

// unreadOr is unread, but fails with the cause and the fix if AWS said that the thing does not exist.
func unreadOr(err error, cause, fix string) Result {
	if notFound(err) {
		return fail("%s", cause).fix("%s", fix)
	}
	return unread(err)
}

// Explain puts an AWS error into words. It leaves out the error's own text, which has several lines and repeats the request.
func Explain(err error) (cause, fix string) {
	call := "AWS"
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		call = operation.Service() + " " + operation.Operation()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return explainConnection(call, err)
	}
	switch code := api.ErrorCode(); code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
		"InvalidSignatureException", "SignatureDoesNotMatch", "InvalidAccessKeyId", "IncompleteSignature",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException":
		return "AWS does not accept the credentials (" + code + ")",
			"get new ones (aws sso login, or assume the role again), or check AWS_PROFILE and this machine's clock"
	case "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation",
		"NotAuthorized", "ForbiddenException":
		return "this identity may not call " + call, "attach the policy that `doctor -policy` prints"
	case "Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded":
		return call + " is throttled", "run doctor again in a minute"
	default:
		return call + " answered " + code, "look the code up in the AWS API reference of that call"
	}
}

// explainConnection explains an error that AWS did not answer with.
func explainConnection(call string, err error) (cause, fix string) {
	var unreadable *smithy.DeserializationError
	switch {
	case errors.As(err, &unreadable):
		return call + " answered in an unknown form (" + connectionFault(unreadable) + ")",
			"use a newer doctor; check what AWS_ENDPOINT_URL points at"
	case errors.Is(err, context.DeadlineExceeded):
		return call + " did not answer in time", "check the network from here to AWS"
	case strings.Contains(err.Error(), "get credentials"): // as the SDK words it before a call
		return "there are no usable AWS credentials", "sign in (aws sso login) or set AWS_PROFILE"
	}
	return call + " cannot be reached", "check the network from here to AWS, AWS_REGION and AWS_ENDPOINT_URL"
}

// notFound reports whether AWS said that the thing does not exist.
func notFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains([]string{"ResourceNotFoundException", "NotFoundException", "NotFound"}, api.ErrorCode())
}
