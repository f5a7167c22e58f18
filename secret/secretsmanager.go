package secret

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
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

// reasonOf classifies the errors that the API reference lists under
// GetSecretValue and Common Errors.
func reasonOf(err error) Reason {
	var (
		notFound   *types.ResourceNotFoundException
		invalid    *types.InvalidRequestException
		decryption *types.DecryptionFailure
		api        smithy.APIError
	)
	switch {
	case errors.As(err, &notFound):
		return NotFound
	case errors.As(err, &invalid):
		return Deleted
	case errors.As(err, &decryption):
		return Undecrypted
	case !errors.As(err, &api):
		return Unreachable
	}
	switch api.ErrorCode() {
	case "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException":
		// Only the message shows whether IAM or KMS denied it.
		if strings.Contains(strings.ToLower(api.ErrorMessage()), "kms") {
			return Undecrypted
		}
		return Denied
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return Throttled
	default:
		return Failed
	}
}
