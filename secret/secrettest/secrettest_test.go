package secrettest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

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
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{*put.VersionId: {"AWSCURRENT"}, second: {"AWSPREVIOUS"}}
	if diff := cmp.Diff(want, described.VersionIdsToStages); diff != "" {
		t.Error(diff)
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

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server, client := start(t, &secrettest.Options{Logf: func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }})
	server.Put("MARKED")
	if _, err := get(t, client, server.ARN, "AWSPREVIOUS"); err != nil {
		t.Fatal(err)
	}
	in := &secretsmanager.PutSecretValueInput{SecretId: aws.String(secrettest.DefaultName), SecretString: aws.String("MARKED")}
	if _, err := client.PutSecretValue(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]secrettest.Recorded{
		{Operation: "GetSecretValue", SecretID: server.ARN, VersionStage: "AWSPREVIOUS"},
		{Operation: "PutSecretValue", SecretID: secrettest.DefaultName},
	}, server.Requests()); diff != "" {
		t.Error(diff)
	}
	if text := log.String(); strings.Contains(text, "MARKED") || strings.Count(text, "\n") != 2 {
		t.Errorf("the log is %s", text)
	}
}

// The SDK sends none of these.
func TestServer_BadRequest(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	known := `{"SecretId":"` + server.ARN + `"}`
	for name, row := range map[string]struct{ method, header, value, body, code string }{
		"no signature":      {"POST", "Authorization", "", "{}", "MissingAuthenticationTokenException"},
		"another service":   {"POST", "X-Amz-Target", "AmazonSSM.GetParameter", "{}", "UnknownOperationException"},
		"another operation": {"POST", "X-Amz-Target", "secretsmanager.ListSecrets", known, "UnknownOperationException"},
		"another type":      {"POST", "Content-Type", "application/json", "{}", "UnknownOperationException"},
		"another method":    {"PUT", "Host", "", "{}", "UnknownOperationException"},
		"no JSON":           {"POST", "Host", "", "{", "SerializationException"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), row.method, server.URL, strings.NewReader(row.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=x")
		r.Header.Set(row.header, row.value)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 400 || !strings.HasPrefix(string(body), `{"__type":"`+row.code+`"`) {
			t.Errorf("%s: HTTP %d %s, %v; want 400 %s", name, response.StatusCode, body, err, row.code)
		}
	}
}
