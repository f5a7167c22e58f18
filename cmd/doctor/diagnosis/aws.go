package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// awsIdentity says as whom the rest is read. STS answers whoever has valid
// credentials, whatever their policy.
func awsIdentity(ctx context.Context, s *subject) finding {
	if cause, mend := Unset(ctx, s.options.AWS); cause != "" {
		return blocked(cause, mend)
	}
	out, err := s.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return unread(err)
	}
	s.identified = true
	return pass(fmt.Sprintf("%s, Region %s", value(out.Arn), s.options.AWS.Region))
}

// Unset says what config lacks before AWS can be asked anything, the Region and
// the credentials at once, and what to do. Both are "" when it lacks neither.
func Unset(ctx context.Context, config aws.Config) (cause, mend string) {
	var causes, mends []string
	if config.Region == "" {
		causes, mends = append(causes, "no AWS Region is set"), append(mends, "set AWS_REGION, or give -region")
	}
	if _, err := config.Credentials.Retrieve(ctx); err != nil {
		cause, mend := Explain(fmt.Errorf("get credentials: %w", err)) // as the SDK words it before a call
		causes, mends = append(causes, cause), append(mends, mend)
	}
	return strings.Join(causes, ", and "), strings.Join(mends, "; ")
}

// needsIdentity is what the checks that ask AWS find when the check
// "aws-identity" has already said that AWS will not answer.
func needsIdentity() finding { return skip("AWS does not know this caller") }

// unread is what a check finds when AWS does not let it look: one line on what
// AWS said and what to do about it.
func unread(err error) finding {
	cause, mend := Explain(err)
	return blocked(cause, mend)
}

// Explain puts an AWS error into words. The error's own text is kept out: it
// runs over several lines and repeats the request.
func Explain(err error) (cause, mend string) {
	call := "AWS"
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		call = operation.Service() + " " + operation.Operation()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		text := err.Error()
		var unreadable *smithy.DeserializationError
		switch {
		case errors.As(err, &unreadable):
			return call + " answered what this doctor cannot read (" + connectionFault(unreadable) + ")", "take a newer doctor; check what AWS_ENDPOINT_URL points at"
		case errors.Is(err, context.DeadlineExceeded):
			return call + " did not answer in time", "check the network from here to AWS"
		case strings.Contains(text, "token has expired"), strings.Contains(text, "SSO session"):
			return "the sign-in to AWS has expired", "sign in again: aws sso login"
		case strings.Contains(text, "get credentials"), strings.Contains(text, "get identity"), strings.Contains(text, "no EC2 IMDS role found"):
			return "there are no usable AWS credentials", "sign in (aws sso login) or set AWS_PROFILE"
		default:
			return call + " cannot be reached", "check the network from here to AWS, AWS_REGION and AWS_ENDPOINT_URL"
		}
	}
	switch code := api.ErrorCode(); code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "the AWS credentials have expired", "get new ones: aws sso login, or assume the role again"
	case "InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch", "InvalidAccessKeyId",
		"IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException":
		return "AWS does not accept the credentials (" + code + ")", "check AWS_PROFILE and the keys, and this machine's clock"
	case "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation", "NotAuthorized", "ForbiddenException":
		return "this identity may not call " + call, "attach the policy that `doctor -policy` prints"
	case "Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded":
		return call + " is throttled", "run doctor again in a minute"
	default:
		return fmt.Sprintf("%s answered %s", call, code), "look the code up in the AWS API reference of that call"
	}
}

// notFound reports whether AWS said that the thing asked for does not exist.
func notFound(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException", "NotFoundException", "NotFound":
		return true
	}
	return false
}
