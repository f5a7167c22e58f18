package secret

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// SecretsManager reads one secret from AWS Secrets Manager.
type SecretsManager struct {
	Client *secretsmanager.Client
	// ID is the secret's ARN or name.
	ID string
	// ClientID is the Atlas client id for a secret in plain text.
	ClientID string
}

// Fetch returns the version with the stage's label, or an *Error.
func (s *SecretsManager) Fetch(ctx context.Context, stage string) (Credentials, error) {
	output, err := s.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.ID, VersionStage: &stage})
	if err != nil {
		return Credentials{}, &Error{Reason: reasonOf(err), cause: err}
	}
	if len(output.SecretBinary) > 0 {
		return Credentials{}, &Error{Reason: Binary}
	}
	credentials, err := Parse(aws.ToString(output.SecretString), s.ClientID)
	if err != nil {
		return Credentials{}, err
	}
	credentials.Version, credentials.Stage = aws.ToString(output.VersionId), stage
	return credentials, nil
}

// reasons has the error codes that the API reference lists under GetSecretValue
// and Common Errors.
var reasons = map[string]Reason{
	"ResourceNotFoundException":   NotFound,
	"InvalidRequestException":     Deleted,
	"DecryptionFailure":           Undecrypted,
	"AccessDeniedException":       Denied,
	"AccessDenied":                Denied,
	"UnrecognizedClientException": Denied,
	"InvalidSignatureException":   Denied,
	"ExpiredTokenException":       Denied,
	"ThrottlingException":         Throttled,
	"Throttling":                  Throttled,
	"TooManyRequestsException":    Throttled,
	"RequestLimitExceeded":        Throttled,
}

func reasonOf(err error) Reason {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return Unreachable
	}
	reason := cmp.Or(reasons[api.ErrorCode()], Failed)
	// Only the message shows whether IAM or KMS denied it.
	if reason == Denied && strings.Contains(strings.ToLower(api.ErrorMessage()), "kms") {
		return Undecrypted
	}
	return reason
}
