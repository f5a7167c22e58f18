package secrettest_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"atriptoken/secret/secrettest"
)

// start returns a server that closes with the test and the real SDK's client
// of it, which does not retry.
func start(t testing.TB, o *secrettest.Options) (*secrettest.Server, *secretsmanager.Client) {
	t.Helper()
	server := secrettest.NewServer(o)
	t.Cleanup(server.Close)
	return server, newClient(server.URL)
}

func newClient(endpoint string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region:       secrettest.Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		Retryer:      aws.NopRetryer{},
	})
}

// get reads the secret by its ARN.
func get(t testing.TB, server *secrettest.Server, client *secretsmanager.Client) (*secretsmanager.GetSecretValueOutput, error) {
	t.Helper()
	return client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(server.ARN)})
}

// code returns the service's error code in err, "" without one.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
