package rig

import (
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Moto starts moto's server, an imitation of AWS's APIs that others keep, on an address of this machine and a free port,
// and returns its URL.
func Moto(t testing.TB, address string) string {
	t.Helper()
	cmd := exec.Command(Tool(t, "moto_server"), "-H", address, "-p", "0")
	server := Start(t, cmd, `Running on (http://[0-9.:]+)`)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("moto wrote:\n%s", server.Output())
		}
	})
	return server.Ready[1]
}

// AWSConfig returns the configuration of an SDK client that speaks to the endpoint given, such as Moto's URL.
func AWSConfig(endpoint string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", ""),
	}
}

// CreateSecret makes a secret at endpoint and returns its ARN.
func CreateSecret(t testing.TB, endpoint, name, value string) string {
	t.Helper()
	made, err := secretsmanager.NewFromConfig(AWSConfig(endpoint)).CreateSecret(t.Context(),
		&secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(value)})
	if err != nil {
		t.Fatalf("the secret %s cannot be made: %v", name, err)
	}
	return aws.ToString(made.ARN)
}
