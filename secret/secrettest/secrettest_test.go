package secrettest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"atriptoken/secret/secrettest"
)

func start(t *testing.T, o *secrettest.Options) (*secrettest.Server, *secretsmanager.Client) {
	t.Helper()
	server := secrettest.NewServer(o)
	t.Cleanup(server.Close)
	return server, newClient(server)
}

// newClient returns the SDK's client, without retries.
func newClient(server *secrettest.Server) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region: secrettest.Region, BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
}

// get returns the text and the bytes of a stage, "" for none, or the error.
func get(client *secretsmanager.Client, id, stage string) (*secretsmanager.GetSecretValueOutput, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	return client.GetSecretValue(context.Background(), in)
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
		got, err := get(client, server.ARN, stage)
		if err != nil || [3]string{*got.SecretString, *got.VersionId, got.VersionStages[0]} != want || *got.ARN != server.ARN {
			t.Errorf("stage %q: %+v, %v; want %v", stage, got, err, want)
		}
	}
	if _, err := get(client, server.ARN, "AWSPENDING"); code(err) != "ResourceNotFoundException" {
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
	if got, err := get(client, server.ARN, ""); err != nil || got.SecretString != nil || string(got.SecretBinary) != "\x00four" {
		t.Errorf("bytes: %+v, %v", got, err)
	}
}

func TestServer_Names(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{Name: "agency/atlas"})
	for id, known := range map[string]bool{server.ARN: true, "agency/atlas": true, "agency/atlas2": false, server.ARN + "x": false} {
		_, err := get(client, id, "")
		if known && err != nil || !known && code(err) != "ResourceNotFoundException" {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestServer_NoValue(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{NoValue: true})
	if _, err := get(client, server.ARN, ""); code(err) != "ResourceNotFoundException" || !strings.Contains(err.Error(), "AWSCURRENT") {
		t.Errorf("the error is %v", err)
	}
	server.Put("first")
	if got, err := get(client, server.ARN, ""); err != nil || *got.SecretString != "first" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server, client := start(t, &secrettest.Options{Logf: func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }})
	server.Put("MARKED")
	if _, err := get(client, server.ARN, "AWSPREVIOUS"); err != nil {
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

func TestStep(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		step  secrettest.Step
		code  string
		text  string
		typed any // what errors.As finds, nil if the SDK has no type
	}{
		"access denied":  {secrettest.AccessDenied(), "AccessDeniedException", "secretsmanager:GetSecretValue on resource: arn:", nil},
		"KMS denied":     {secrettest.KMSAccessDenied(), "AccessDeniedException", "KMS", nil},
		"KMS key":        {secrettest.KMSDecryptionFailure(), "DecryptionFailure", "KMS key", new(*types.DecryptionFailure)},
		"not found":      {secrettest.NotFound(), "ResourceNotFoundException", "specified secret.", new(*types.ResourceNotFoundException)},
		"no value":       {secrettest.NoValue(), "ResourceNotFoundException", "AWSCURRENT", new(*types.ResourceNotFoundException)},
		"deleted":        {secrettest.Deleted(), "InvalidRequestException", "deletion", new(*types.InvalidRequestException)},
		"throttled":      {secrettest.Throttled(), "ThrottlingException", "Rate", nil},
		"internal error": {secrettest.InternalServiceError(), "InternalServiceError", "StatusCode: 500", new(*types.InternalServiceError)},
		"a proxy's 503":  {secrettest.HTTPStatus(503), "", "503", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t, nil)
			server.Script(row.step)
			_, err := get(client, server.ARN, "")
			if err == nil || row.code != "" && code(err) != row.code || !strings.Contains(err.Error(), row.text) {
				t.Errorf("the error is %v, want %s with %q", err, row.code, row.text)
			}
			if row.typed != nil && !errors.As(err, row.typed) {
				t.Errorf("the error is no %T", row.typed)
			}
			if got, err := get(client, server.ARN, ""); err != nil || *got.SecretString != secrettest.DefaultValue {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

func TestServer_BadRequest(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	for name, row := range map[string]struct{ method, header, value, body, code string }{
		"no signature":      {header: "Authorization", code: "MissingAuthenticationTokenException"},
		"another service":   {header: "X-Amz-Target", value: "AmazonSSM.GetParameter", code: "UnknownOperationException"},
		"another operation": {header: "X-Amz-Target", value: "secretsmanager.ListSecrets", code: "UnknownOperationException"},
		"another type":      {header: "Content-Type", value: "application/json", code: "UnknownOperationException"},
		"another method":    {method: http.MethodPut, code: "UnknownOperationException"},
		"no JSON":           {body: "{", code: "SerializationException"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.method == "" {
				row.method = http.MethodPost
			}
			if row.body == "" {
				row.body = `{"SecretId":"` + server.ARN + `"}`
			}
			r, err := http.NewRequestWithContext(t.Context(), row.method, server.URL, strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=x")
			if row.header != "" {
				r.Header.Set(row.header, row.value)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != 400 || !strings.HasPrefix(string(body), `{"__type":"`+row.code+`"`) {
				t.Errorf("HTTP %d %s, %v; want 400 %s", response.StatusCode, body, err, row.code)
			}
		})
	}
}

// Example reads the secret with the AWS SDK, rotates it, and lets a read fail.
func Example() {
	server := secrettest.NewServer(&secrettest.Options{Value: "first"})
	defer server.Close()
	client := newClient(server)
	read := func() {
		out, err := client.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &server.ARN})
		if err != nil {
			fmt.Println(code(err))
			return
		}
		fmt.Println(*out.SecretString)
	}
	read()
	server.Put("second")
	read()
	server.Script(secrettest.Throttled())
	read()
	// Output:
	// first
	// second
	// ThrottlingException
}
