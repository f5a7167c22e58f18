package diagnosis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/secret"
)

// secretValue says whether the secrets are there and can be used: the one of
// the account that the function calls by default, and those of ATRIP_ACCOUNTS.
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
	result, credentials := s.readSecret(ctx, id, clientID)
	s.credentials = credentials
	if result.Status == Fail || result.Blocked {
		return result
	}
	for _, further := range s.furtherAccounts() {
		other, _ := s.readSecret(ctx, further.SecretARN, further.ClientID)
		if other.Status == Fail || other.Blocked {
			other.Cause = "of the account " + further.name + ": " + other.Cause
			return other
		}
		result.Cause += "; of the account " + further.name + ": " + other.Cause
	}
	return result
}

// further is one of ATRIP_ACCOUNTS.
type further struct {
	name      string
	SecretARN string `json:"secretArn"`
	ClientID  string `json:"clientId"`
}

// furtherAccounts reads what the check "environment" has found valid.
func (s *subject) furtherAccounts() []further {
	var accounts map[string]further
	if json.Unmarshal([]byte(s.environment["ATRIP_ACCOUNTS"]), &accounts) != nil {
		return nil
	}
	list := make([]further, 0, len(accounts))
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		account := accounts[name]
		account.name = name
		list = append(list, account)
	}
	return list
}

// readSecret looks at one secret with the very code that the function reads it
// with. The value is kept for the check of the credentials and never shown.
func (s *subject) readSecret(ctx context.Context, id, clientID string) (finding, *secret.Credentials) {
	described, err := s.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	switch {
	case notFound(err):
		return fail("there is no such secret in this account and Region", "deploy the stack, or set AtlasSecretArn to the secret's whole ARN"), nil
	case err != nil:
		return unread(err), nil
	case described.DeletedDate != nil:
		return fail("the secret is scheduled for deletion", "restore it: aws secretsmanager restore-secret"), nil
	case !hasCurrent(described.VersionIdsToStages):
		return fail("the secret is empty", "put the Atlas credentials in: make secret"), nil
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
		return skip("it holds a value, which this identity may not read; a call through the stack tells whether it works" + changed), nil
	case errors.As(err, &wrong) && (wrong.Reason == secret.Throttled || wrong.Reason == secret.Unreachable || wrong.Reason == secret.Failed):
		return unread(errors.Unwrap(wrong)), nil
	case errors.As(err, &wrong):
		return fail(wrong.Error(), "put the Atlas credentials in: make secret"), nil
	}
	return pass(fmt.Sprintf("well-formed, version %s%s", credentials.Version, changed)), &credentials
}

func hasCurrent(versions map[string][]string) bool {
	for _, stages := range versions {
		if slices.Contains(stages, secret.StageCurrent) {
			return true
		}
	}
	return false
}
