package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/secret"
)

// secretValue says whether the secret is there and can be used, with the very
// code that the function reads it with. The value is kept for the check of the
// credentials and never shown.
func secretValue(ctx context.Context, s *subject) finding {
	id, clientID := s.options.SecretID, ""
	if s.options.Stack != "" {
		if s.environment == nil {
			return s.needsFunction()
		}
		id, clientID = s.environment["ATLAS_SECRET_ARN"], s.environment["ATLAS_CLIENT_ID"]
	}
	if id == "" {
		return skip("no secret is named; give -secret to check one")
	}
	if !s.identified {
		return needsIdentity()
	}
	described, err := s.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	switch {
	case notFound(err):
		return fail("there is no such secret in this account and Region", "deploy the stack, or set AtlasSecretArn to the secret's whole ARN")
	case err != nil:
		return unread(err)
	case described.DeletedDate != nil:
		return fail("the secret is scheduled for deletion", "restore it: aws secretsmanager restore-secret")
	case !hasCurrent(described.VersionIdsToStages):
		return fail("the secret is empty", "put the Atlas credentials in: make secret")
	}
	changed := ""
	if described.LastChangedDate != nil {
		changed = fmt.Sprintf(", changed %d days ago", int(s.now().Sub(*described.LastChangedDate).Hours()/24))
	}
	source := secret.SecretsManager{Client: s.secrets, ID: id, ClientID: clientID}
	credentials, err := source.Fetch(ctx, secret.StageCurrent)
	var wrong *secret.Error
	switch {
	case errors.As(err, &wrong) && wrong.Reason == secret.Denied:
		return skip("it holds a value, which this identity may not read; a call through the stack tells whether it works" + changed)
	case errors.As(err, &wrong) && (wrong.Reason == secret.Throttled || wrong.Reason == secret.Unreachable || wrong.Reason == secret.Failed):
		return unread(errors.Unwrap(wrong))
	case errors.As(err, &wrong):
		return fail(wrong.Error(), "put the Atlas credentials in: make secret")
	}
	s.credentials = &credentials
	return pass(fmt.Sprintf("well-formed, version %s%s", credentials.Version, changed))
}

func hasCurrent(versions map[string][]string) bool {
	for _, stages := range versions {
		if slices.Contains(stages, secret.StageCurrent) {
			return true
		}
	}
	return false
}
