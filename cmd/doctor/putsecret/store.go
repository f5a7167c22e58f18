package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/go-json-experiment/json"

	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/secret"
)

// fromStack fills in what the flags leave out: the stack's output SecretArn and its parameter AtlasBaseUrl.
func (f *flags) fromStack(ctx context.Context, config aws.Config) error {
	if f.stack == "" {
		return nil
	}
	stack, err := diagnosis.FindStack(ctx, config, f.stack)
	if err != nil {
		return err
	}
	for _, output := range stack.Outputs {
		if aws.ToString(output.OutputKey) == "SecretArn" {
			f.secret = aws.ToString(output.OutputValue)
		}
	}
	for _, parameter := range stack.Parameters {
		if aws.ToString(parameter.ParameterKey) == "AtlasBaseUrl" && f.atlasURL == "" {
			f.atlasURL = aws.ToString(parameter.ParameterValue)
		}
	}
	if f.secret == "" {
		return fmt.Errorf("the stack %s has no output SecretArn; wait until it is deployed", f.stack)
	}
	return nil
}

// store stores the credentials unless the secret holds them already, and returns their version. Without permission to read
// the secret it stores them in any case, which only adds a version.
func store(ctx context.Context, client *secretsmanager.Client, id string, credentials secret.Credentials) (
	version string, changed bool, err error,
) {
	source := secret.SecretsManager{Client: client, ID: id}
	if held, err := source.Fetch(ctx, secret.StageCurrent); err == nil && held.ClientID == credentials.ClientID &&
		held.ClientSecret.Reveal() == credentials.ClientSecret.Reveal() {
		return held.Version, false, nil
	}
	value, err := json.Marshal(map[string]string{"clientId": credentials.ClientID, "clientSecret": credentials.ClientSecret.Reveal()})
	if err != nil {
		return "", false, err
	}
	out, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: aws.String(string(value))})
	if err != nil {
		return "", false, err
	}
	return aws.ToString(out.VersionId), true, nil
}
