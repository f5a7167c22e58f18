package secret_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/secret"
	"atriptoken/secret/secrettest"
)

// newSource returns a simulator and a source that reads it with the real SDK,
// without retries.
func newSource(t testing.TB) (*secrettest.Server, *secret.SecretsManager) {
	t.Helper()
	server := secrettest.NewServer(nil)
	t.Cleanup(server.Close)
	return server, &secret.SecretsManager{ID: server.ARN, Client: newSDK(server)}
}

func newSDK(server *secrettest.Server) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region: secrettest.Region, BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
	})
}

func TestFetch_Formats(t *testing.T) {
	t.Parallel()
	const object, id, value = `{"clientId":"example-client","clientSecret":"s3cret"}`, "example-client", "s3cret"
	longest := strings.Repeat("a", 4096)
	for name, row := range map[string]struct{ value, id, want string }{
		"JSON object":                          {object, "", value},
		"JSON object, white space around":      {"\n {\"clientId\": \" example-client\", \"clientSecret\": \"s3cret\\n\"}\n", "", value},
		"JSON object, other members":           {`{"clientId":"example-client","clientSecret":"s3cret","by":"amelia@example.com"}`, "", value},
		"JSON object overrides the variable":   {object, "other", value},
		"text":                                 {value, " example-client ", value},
		"text with a newline at the end":       {"s3cret\r\n", id, value},
		"text that looks like an array":        {"[s3cret]", id, "[s3cret]"},
		"text with a space and the last ASCII": {"a ~", id, "a ~"},
		"the longest text":                     {longest, id, longest},
	} {
		server, source := newSource(t)
		version := server.Put(row.value)
		source.ClientID = row.id
		got, err := source.Fetch(t.Context(), secret.StageCurrent)
		value := got.ClientSecret.Reveal()
		if err != nil || got.ClientID != id || value != row.want || got.Version != version || got.Stage != secret.StageCurrent {
			t.Errorf("%s: got %+v, %v; the secret is right: %v", name, got, err, value == row.want)
		}
		got, err = source.Fetch(t.Context(), secret.StagePrevious)
		if err != nil || got.ClientSecret.Reveal() != "example-secret" || got.Stage != secret.StagePrevious {
			t.Errorf("%s: the previous version is %+v, %v", name, got, err)
		}
	}
}

// Each row is one thing that can be wrong with a secret, its reason as logs and
// runbook name it, and a part of the error's text.
func TestFetch_Reasons(t *testing.T) {
	t.Parallel()
	const marked = "MARKED-5be1"
	type arrange func(*secrettest.Server)
	put := func(value string) arrange { return func(s *secrettest.Server) { s.Put(value) } }
	fault := func(step secrettest.Step) arrange { return func(s *secrettest.Server) { s.Always(step) } }
	failed := func(code, message string) arrange { return fault(secrettest.Error(code, message)) }
	for name, row := range map[string]struct {
		arrange arrange
		want    secret.Reason
		text    string
	}{
		"no such secret":               {fault(secrettest.NotFound()), secret.NotFound, "ATLAS_SECRET_ARN"},
		"no value yet":                 {fault(secrettest.NoValue()), secret.NotFound, "put into"},
		"IAM denies":                   {fault(secrettest.AccessDenied()), secret.Denied, "secretsmanager:GetSecretValue"},
		"unknown AWS credentials":      {failed("UnrecognizedClientException", "invalid token"), secret.Denied, "role"},
		"wrong AWS credentials":        {failed("InvalidSignatureException", "does not match"), secret.Denied, "role"},
		"expired AWS credentials":      {failed("ExpiredTokenException", "The security token is expired"), secret.Denied, "role"},
		"KMS does not decrypt":         {fault(secrettest.KMSDecryptionFailure()), secret.Undecrypted, "kms:Decrypt"},
		"KMS denies":                   {fault(secrettest.KMSAccessDenied()), secret.Undecrypted, "kms:Decrypt"},
		"IAM denies kms:Decrypt":       {failed("AccessDeniedException", "not authorized: kms:Decrypt"), secret.Undecrypted, "kms:Decrypt"},
		"scheduled for deletion":       {fault(secrettest.Deleted()), secret.Deleted, "restore"},
		"throttled":                    {fault(secrettest.Throttled()), secret.Throttled, "tried again"},
		"too many requests for KMS":    {failed("TooManyRequestsException", "slow down kms:Decrypt"), secret.Throttled, "tried again"},
		"internal error":               {fault(secrettest.InternalServiceError()), secret.Failed, "tried again"},
		"HTTP error without a body":    {fault(secrettest.HTTPStatus(502)), secret.Unreachable, "tried again"},
		"cut connection":               {fault(secrettest.CutConnection()), secret.Unreachable, "endpoint"},
		"bytes":                        {func(s *secrettest.Server) { s.PutBinary([]byte(marked)) }, secret.Binary, "SecretBinary"},
		"neither text nor bytes":       {func(s *secrettest.Server) { s.PutBinary(nil) }, secret.Empty, "clientId"},
		"empty":                        {put(""), secret.Empty, "clientId"},
		"white space":                  {put(" \n\t"), secret.Empty, "clientId"},
		"half an object":               {put(`{"clientId":"` + marked + `"`), secret.Malformed, "not one with each key once"},
		"no client secret":             {put(`{"clientId":"` + marked + `"}`), secret.Malformed, "must have the keys"},
		"no client id":                 {put(`{"clientSecret":"` + marked + `"}`), secret.Malformed, "must have the keys"},
		"keys in another case":         {put(`{"ClientId":"a","ClientSecret":"` + marked + `"}`), secret.Malformed, "in this spelling"},
		"a key twice":                  {put(`{"clientId":"a","clientSecret":"` + marked + `","clientSecret":"b"}`), secret.Malformed, "once"},
		"numbers":                      {put(`{"clientId":1,"clientSecret":2}`), secret.Malformed, "both values strings"},
		"null values":                  {put(`{"clientId":null,"clientSecret":null}`), secret.Malformed, "must have the keys"},
		"empty client id":              {put(`{"clientId":"","clientSecret":"` + marked + `"}`), secret.Malformed, "client id is empty"},
		"empty client secret":          {put(`{"clientId":"a","clientSecret":" "}`), secret.Malformed, "client secret is empty"},
		"line break inside":            {put(`{"clientId":"a","clientSecret":"` + marked + `\r\nx-admin: true"}`), secret.Malformed, "header"},
		"control character":            {put("{\"clientId\":\"a\",\"clientSecret\":\"" + marked + "\\u007f\"}"), secret.Malformed, "header"},
		"character outside ASCII":      {put(`{"clientId":"a","clientSecret":"` + marked + `é"}`), secret.Malformed, "header"},
		"too long":                     {put(`{"clientId":"a","clientSecret":"` + strings.Repeat("a", 4097) + `"}`), secret.Malformed, "longer"},
		"unresolved reference in JSON": {put(`{"clientId":"a","clientSecret":"{{resolve:ssm:` + marked + `}}"}`), secret.Malformed, "unresolved"},
		"unresolved reference":         {put("{{resolve:ssm:" + marked + "}}"), secret.Malformed, "unresolved"},
		"plain text without client id": {put(marked), secret.Malformed, "ATLAS_CLIENT_ID"},
	} {
		server, source := newSource(t)
		row.arrange(server)
		_, err := source.Fetch(t.Context(), secret.StageCurrent)
		var e *secret.Error
		if !errors.As(err, &e) || !errors.Is(err, secret.ErrUnavailable) || e.Reason != row.want || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: the error is %v, want the reason %s and %q", name, err, row.want, row.text)
		}
		for _, secret := range []string{marked, "arn:", "000000000000"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the text contains %q: %v", name, secret, err)
			}
		}
	}
}

func TestFetch_Deadline(t *testing.T) {
	t.Parallel()
	server, source := newSource(t)
	server.Always(secrettest.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var e *secret.Error
	if _, err := source.Fetch(ctx, secret.StageCurrent); !errors.As(err, &e) || e.Reason != secret.Unreachable {
		t.Errorf("the error is %v, want unreachable", err)
	}
}

// FuzzParse: a secret's text becomes two values for HTTP headers, or an error
// that does not quote it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"clientId":"a","clientSecret":"b"}`, "plain", "", "{", `{"clientId":"a","clientSecret":"\u0000"}`, "{{resolve:x}}", "\ufeff{}",
		"[]", "null", "a\r\nb",
	} {
		f.Add(seed, "example-client")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, value, clientID string) {
		got, err := secret.Parse(value, clientID)
		if err != nil {
			if !errors.Is(err, secret.ErrUnavailable) || len(value) > 20 && strings.Contains(err.Error(), value) {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		for _, part := range []string{got.ClientID, got.ClientSecret.Reveal()} {
			if part == "" || part != strings.TrimSpace(part) || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("a header cannot carry %q", part)
			}
		}
	})
}

func ExampleStore() {
	server := secrettest.NewServer(nil)
	defer server.Close()
	source := &secret.SecretsManager{Client: newSDK(server), ID: server.ARN}
	// Pause is short only for the example.
	store := &secret.Store{Fetch: source.Fetch, Pause: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	ctx := context.Background()
	credentials, err := store.Get(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(credentials.ClientID, credentials.ClientSecret, credentials.Stage) // Reveal returns the secret itself

	// Atlas refuses this version, because a new one was put in the meantime.
	server.Put(`{"clientId":"example-client","clientSecret":"new"}`)
	if other, ok := store.Alternative(ctx, credentials.Version); ok {
		fmt.Println("try", other.Stage, "next")
		store.Accepted(ctx, other)
	}
	// Output:
	// example-client [redacted] AWSCURRENT
	// try AWSCURRENT next
}
