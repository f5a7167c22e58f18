package diagnosis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/atlas"
	"atriptoken/secret"
)

// secretValue checks that the secrets are usable: the default account's, then those of ATRIP_ACCOUNTS.
func secretValue(ctx context.Context, s *subject) Result {
	if s.options.Stack == "" && s.secretID == "" {
		return skip("no secret is named; give -secret to check one")
	}
	result, credentials := s.readSecret(ctx, s.secretID, s.environment["ATLAS_CLIENT_ID"])
	s.credentials = credentials
	if result.Fix != "" {
		return result
	}
	var accounts map[string]struct{ SecretARN, ClientID string }
	_ = json.Unmarshal([]byte(s.environment["ATRIP_ACCOUNTS"]), &accounts) // the check "environment" reports malformed ones
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		other, _ := s.readSecret(ctx, accounts[name].SecretARN, accounts[name].ClientID)
		if other.Fix != "" {
			other.Cause = "of the account " + name + ": " + other.Cause
			return other
		}
		result.Cause += "; of the account " + name + ": " + other.Cause
	}
	return result
}

// readSecret reads one secret with the code that the function reads it with. The credentials are never shown.
func (s *subject) readSecret(ctx context.Context, id, clientID string) (Result, *secret.Credentials) {
	const putIn = "put the Atlas credentials in: make secret"
	client := secretsmanager.NewFromConfig(s.options.AWS)
	described, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	switch {
	case err != nil:
		return unreadOr(err, "there is no such secret in this account and Region",
			"deploy the stack, or set AtlasSecretArn to the secret's whole ARN"), nil
	case described.DeletedDate != nil:
		return fail("the secret is scheduled for deletion").fix("aws secretsmanager restore-secret --secret-id %s", id), nil
	case !slices.Contains(slices.Concat(slices.Collect(maps.Values(described.VersionIdsToStages))...), secret.StageCurrent):
		return fail("the secret is empty").fix(putIn), nil
	}
	changed := ""
	if described.LastChangedDate != nil {
		changed = fmt.Sprintf(", changed %d days ago", int(s.options.Now().Sub(*described.LastChangedDate).Hours()/24))
	}
	source := secret.SecretsManager{Client: client, ID: id, ClientID: clientID}
	credentials, err := source.Fetch(ctx, secret.StageCurrent)
	var failure *secret.Error
	if !errors.As(err, &failure) {
		return pass("well-formed, version %s%s", credentials.Version, changed), &credentials
	}
	switch failure.Reason {
	case secret.Denied:
		return skip("it holds a value, which this identity may not read; a call through the stack shows whether it works%s", changed), nil
	case secret.Undecrypted:
		if explained, _ := Explain(errors.Unwrap(failure)); strings.Contains(explained, "may not call") {
			return skip("it holds a value, which KMS does not let this identity decrypt; a call through the stack shows whether it works%s",
				changed), nil
		}
		return fail("KMS does not decrypt the secret: its key is disabled, deleted, or out of reach").
			fix("enable the key, or cancel its deletion: aws kms describe-key --key-id %s", aws.ToString(described.KmsKeyId)), nil
	case secret.Throttled, secret.Unreachable, secret.Failed:
		return unread(errors.Unwrap(failure)), nil
	}
	return fail("%v", failure).fix(putIn), nil
}

// atlasCredentials asks Atlas, from this machine, whether it accepts the credentials.
func atlasCredentials(ctx context.Context, s *subject) Result {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	client := &atlas.Client{BaseURL: s.baseURL}
	client.Transport, _ = s.http.Transport.(*http.Transport)
	pair := atlas.Credentials{ClientID: s.credentials.ClientID, ClientSecret: s.credentials.ClientSecret}
	switch err := client.CheckCredentials(ctx, pair); {
	case err == nil:
		return pass("Atlas accepts the credentials: it refused made-up ones, and not these")
	case errors.Is(err, atlas.ErrRefused):
		return s.fromHere(fail("Atlas refuses the credentials: %v", err).
			fix("make a new client secret in ATRIP and put it in (make secret); for production credentials, ask Atlas for its allow-list"))
	default:
		return skip("Atlas's answer is not conclusive: %v", err)
	}
}
