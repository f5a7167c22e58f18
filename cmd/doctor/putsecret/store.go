package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"

	"atriptoken/secret"
)

// target is where the credentials go, and the Atlas that they are for.
type target struct{ secretID, baseURL string }

// find reads the stack's output SecretArn and parameter AtlasBaseUrl, unless
// the flags name both.
func find(ctx context.Context, config aws.Config, f flags) (target, error) {
	to := target{f.secret, f.atlasURL}
	if f.stack == "" {
		return to, nil
	}
	out, err := cloudformation.NewFromConfig(config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &f.stack})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ValidationError", err == nil && len(out.Stacks) == 0:
		return to, ownError("there is no stack " + f.stack + " in Region " + config.Region + "; deploy it first, or check -stack, the Region and the account")
	case err != nil:
		return to, err
	}
	for _, output := range out.Stacks[0].Outputs {
		if aws.ToString(output.OutputKey) == "SecretArn" {
			to.secretID = aws.ToString(output.OutputValue)
		}
	}
	for _, parameter := range out.Stacks[0].Parameters {
		if aws.ToString(parameter.ParameterKey) == "AtlasBaseUrl" && to.baseURL == "" {
			to.baseURL = aws.ToString(parameter.ParameterValue)
		}
	}
	if to.secretID == "" {
		return to, ownError("the stack " + f.stack + " has no output SecretArn; wait until it is deployed")
	}
	return to, nil
}

type result struct {
	version string
	changed bool
}

// store puts the credentials unless they are what the secret holds. Without
// the right to read them it puts them in any case: that only makes a version
// more.
func store(ctx context.Context, client *secretsmanager.Client, id string, credentials secret.Credentials) (result, error) {
	source := secret.SecretsManager{Client: client, ID: id}
	if held, err := source.Fetch(ctx, secret.StageCurrent); err == nil && held.ClientID == credentials.ClientID &&
		held.ClientSecret.Reveal() == credentials.ClientSecret.Reveal() {
		return result{version: held.Version}, nil
	}
	value, err := json.Marshal(struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	}{credentials.ClientID, credentials.ClientSecret.Reveal()})
	if err != nil {
		return result{}, ownError("the credentials cannot be encoded")
	}
	out, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: aws.String(string(value))})
	if err != nil {
		return result{}, err
	}
	return result{version: aws.ToString(out.VersionId), changed: true}, nil
}
