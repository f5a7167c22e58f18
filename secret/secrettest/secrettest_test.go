package secrettest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"atriptoken/secret/secrettest"
)

// start returns a simulator and the SDK's client of it, without retries.
func start(t *testing.T, o *secrettest.Options) (*secrettest.Server, *secretsmanager.Client) {
	t.Helper()
	server := secrettest.NewServer(o)
	t.Cleanup(server.Close)
	return server, secretsmanager.New(secretsmanager.Options{
		Region: secrettest.Region, BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
}

func get(t *testing.T, client *secretsmanager.Client, id, stage string) (*secretsmanager.GetSecretValueOutput, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	return client.GetSecretValue(t.Context(), in)
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestServer_Versions(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{Value: "one"})
	second := server.Put("two")
	in := &secretsmanager.PutSecretValueInput{SecretId: &server.ARN, SecretString: aws.String("three")}
	put, err := client.PutSecretValue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string][3]string{
		"":            {"three", *put.VersionId, "AWSCURRENT"},
		"AWSCURRENT":  {"three", *put.VersionId, "AWSCURRENT"},
		"AWSPREVIOUS": {"two", second, "AWSPREVIOUS"},
	} {
		got, err := get(t, client, server.ARN, stage)
		if err != nil || [3]string{*got.SecretString, *got.VersionId, got.VersionStages[0]} != want || *got.ARN != server.ARN {
			t.Errorf("stage %q: %+v, %v; want %v", stage, got, err, want)
		}
	}
	if _, err := get(t, client, server.ARN, "AWSPENDING"); code(err) != "ResourceNotFoundException" {
		t.Errorf("a stage without a version: %v", err)
	}
	described, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &server.ARN})
	if err != nil || !slices.Equal(described.VersionIdsToStages[second], []string{"AWSPREVIOUS"}) || len(described.VersionIdsToStages) != 2 {
		t.Errorf("DescribeSecret: %+v, %v", described, err)
	}
	server.PutBinary([]byte("\x00four"))
	if got, err := get(t, client, server.ARN, ""); err != nil || got.SecretString != nil || string(got.SecretBinary) != "\x00four" {
		t.Errorf("bytes: %+v, %v", got, err)
	}
}

func TestServer_NotFound(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{Name: "agency/atlas", NoValue: true})
	if _, err := get(t, client, server.ARN, ""); code(err) != "ResourceNotFoundException" || !strings.Contains(err.Error(), "AWSCURRENT") {
		t.Errorf("without a value: %v", err)
	}
	server.Put("first")
	for id, known := range map[string]bool{server.ARN: true, "agency/atlas": true, "agency/atlas2": false, server.ARN + "x": false} {
		got, err := get(t, client, id, "")
		if known && (err != nil || *got.SecretString != "first") || !known && code(err) != "ResourceNotFoundException" {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}
