package rig

import (
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Moto starts moto's server, a simulator of AWS's APIs, on a free port of the address and returns its URL.
func Moto(t testing.TB, address string) string {
	t.Helper()
	cmd := exec.Command(Tool(t, "moto_server"), "-H", address, "-p", "0")
	return Start(t, cmd, `Running on (http://[0-9.:]+)`).Ready[1]
}

// AWSConfig returns the SDK configuration for an endpoint such as Moto's URL.
func AWSConfig(endpoint string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", ""),
	}
}

// CreateSecret creates a secret at endpoint and returns its ARN.
func CreateSecret(t testing.TB, endpoint, name, value string) string {
	t.Helper()
	made, err := secretsmanager.NewFromConfig(AWSConfig(endpoint)).CreateSecret(t.Context(),
		&secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(value)})
	if err != nil {
		t.Fatalf("create the secret %s: %v", name, err)
	}
	return aws.ToString(made.ARN)
}
