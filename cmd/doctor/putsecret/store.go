package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/secret"
)

// fromStack fills in what the flags leave out: the stack's output SecretArn and its parameter AtlasBaseUrl.
func (r *run) fromStack(ctx context.Context, config aws.Config) error {
	if r.stack == "" {
		return nil
	}
	stack, err := diagnosis.FindStack(ctx, config, r.stack)
	if err != nil {
		return err
	}
	for _, output := range stack.Outputs {
		if aws.ToString(output.OutputKey) == "SecretArn" {
			r.secret = aws.ToString(output.OutputValue)
		}
	}
	for _, parameter := range stack.Parameters {
		switch aws.ToString(parameter.ParameterKey) {
		case "AtlasBaseUrl":
			r.atlasURL = cmp.Or(r.atlasURL, aws.ToString(parameter.ParameterValue))
		case "AtlasClientId":
			r.clientID = aws.ToString(parameter.ParameterValue)
		}
	}
	if r.secret == "" {
		return fmt.Errorf("the stack %s has no output SecretArn; wait until it is deployed", r.stack)
	}
	return nil
}

// store stores the credentials unless the secret holds them already. Without permission to read the secret it stores them
// in any case, which only adds a version.
func (r *run) store(ctx context.Context, credentials secret.Credentials) error {
	source := secret.SecretsManager{Client: r.secrets, ID: r.secret, ClientID: r.clientID}
	if held, err := source.Fetch(ctx, secret.StageCurrent); err == nil && held.ClientID == credentials.ClientID &&
		held.ClientSecret.Reveal() == credentials.ClientSecret.Reveal() {
		r.say("the secret holds these credentials already (version %s); nothing was changed", held.Version)
		return nil
	}
	text, err := value(credentials.ClientID, credentials.ClientSecret.Reveal())
	if err != nil {
		return err
	}
	out, err := r.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &r.secret, SecretString: &text})
	if err != nil {
		return err
	}
	r.say("stored as version %s; the broker uses it within ATRIP_SECRET_TTL, or as soon as Atlas refuses the old one",
		aws.ToString(out.VersionId))
	return nil
}

// back makes an older version current: the newest one before the current that Atlas does not refuse. After two wrong
// values the good one has no label, and Secrets Manager may delete it.
func (r *run) back(ctx context.Context) error {
	out, err := r.secrets.ListSecretVersionIds(ctx, &secretsmanager.ListSecretVersionIdsInput{
		SecretId: &r.secret, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(100)})
	if err != nil {
		return err
	}
	versions := out.Versions
	slices.SortFunc(versions, func(a, b types.SecretVersionsListEntry) int { // the newest first
		return aws.ToTime(b.CreatedDate).Compare(aws.ToTime(a.CreatedDate))
	})
	current := slices.IndexFunc(versions, func(v types.SecretVersionsListEntry) bool {
		return slices.Contains(v.VersionStages, secret.StageCurrent)
	})
	if current < 0 {
		return errors.New("the secret has no current version to go back from")
	}
	for _, version := range versions[current+1:] {
		err := r.usable(ctx, *version.VersionId)
		if errors.Is(err, errRefused) || errors.Is(err, secret.ErrUnavailable) {
			r.say("version %s is passed over: %v", *version.VersionId, err)
			continue
		}
		if err != nil {
			return err
		}
		return r.commit(ctx, func(ctx context.Context) error {
			_, err := r.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &r.secret, VersionStage: aws.String(secret.StageCurrent),
				MoveToVersionId: version.VersionId, RemoveFromVersionId: versions[current].VersionId})
			if err == nil {
				r.say("version %s is current again; the broker uses it within ATRIP_SECRET_TTL, or as soon as Atlas refuses the other",
					*version.VersionId)
			}
			return err
		})
	}
	return errors.New("the secret has no older version to go back to; nothing was changed")
}

// usable returns errRefused or secret.ErrUnavailable for a version that holds no credentials that Atlas accepts.
func (r *run) usable(ctx context.Context, version string) error {
	if r.unchecked {
		return nil
	}
	out, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &r.secret, VersionId: &version})
	if err != nil {
		return err
	}
	credentials, err := secret.Parse(aws.ToString(out.SecretString), r.clientID)
	if err != nil {
		return err
	}
	return r.check(ctx, credentials)
}
