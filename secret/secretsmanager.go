package secret

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

// SecretsManager reads one secret of AWS Secrets Manager.
type SecretsManager struct {
	// Client makes the calls, with its own retries.
	Client *secretsmanager.Client
	// ID is the secret's ARN or name.
	ID string
	// ClientID is the Atlas client id when the secret is a plain string.
	ClientID string
}

// Fetch returns the version of the secret that bears the stage's label, or an
// *Error. It is one GetSecretValue.
func (s *SecretsManager) Fetch(ctx context.Context, stage string) (Credentials, error) {
	output, err := s.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId:     &s.ID,
		VersionStage: &stage,
	})
	if err != nil {
		return Credentials{}, failure(reasonOf(err), err)
	}
	if output.SecretString == nil {
		if len(output.SecretBinary) > 0 {
			return Credentials{}, failure(Binary, nil)
		}
		return Credentials{}, failure(Empty, nil)
	}
	credentials, err := Parse(*output.SecretString, s.ClientID)
	if err != nil {
		return Credentials{}, err
	}
	if output.VersionId != nil {
		credentials.Version = *output.VersionId
	}
	credentials.Stage = stage
	credentials.FetchedAt = time.Now().Round(0)
	return credentials, nil
}

// reasonOf tells Secrets Manager's errors apart by type and code, as its API
// reference lists them under GetSecretValue and Common Errors.
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
		// The key's policy is told from the secret's only by the message.
		if strings.Contains(api.ErrorMessage(), "kms") || strings.Contains(api.ErrorMessage(), "KMS") {
			return Undecrypted
		}
		return Denied
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return Throttled
	default:
		return Failed
	}
}
