package secret_test

import (
	"context"
	"errors"
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

// newSource reads the simulator through the real SDK client, without retries.
func newSource(t testing.TB, server *secrettest.Server) *secret.SecretsManager {
	t.Helper()
	return &secret.SecretsManager{ID: server.ARN, Client: secretsmanager.New(secretsmanager.Options{
		Region: secrettest.Region, BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
	})}
}

func TestBothFormatsAreRead(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, value, id, wantID, wantSecret string }{
		{"a JSON object", `{"clientId":"example-client","clientSecret":"s3cret"}`, "", "example-client", "s3cret"},
		{"a JSON object with white space around", "\n {\"clientId\": \" example-client\", \"clientSecret\": \"s3cret\\n\"}\n", "", "example-client", "s3cret"},
		{"a JSON object with members of others", `{"clientId":"example-client","clientSecret":"s3cret","rotatedBy":"amelia@example.com"}`, "", "example-client", "s3cret"},
		{"a JSON object beats ATLAS_CLIENT_ID", `{"clientId":"example-client","clientSecret":"s3cret"}`, "other", "example-client", "s3cret"},
		{"a plain string", "s3cret", "example-client", "example-client", "s3cret"},
		{"a plain string that ends in a newline", "s3cret\r\n", "example-client", "example-client", "s3cret"},
		{"a plain string that looks like an array", "[s3cret]", "example-client", "example-client", "[s3cret]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := secrettest.NewServer(&secrettest.Options{NoValue: true})
			t.Cleanup(server.Close)
			version := server.Put(row.value)
			source := newSource(t, server)
			source.ClientID = row.id
			got, err := source.Fetch(t.Context(), secret.StageCurrent)
			if err != nil {
				t.Fatal(err)
			}
			if got.ClientID != row.wantID || got.ClientSecret.Reveal() != row.wantSecret || got.Version != version || got.Stage != secret.StageCurrent || got.FetchedAt.IsZero() {
				t.Errorf("got %+v with the right secret: %v", got, got.ClientSecret.Reveal() == row.wantSecret)
			}
		})
	}
}

func TestEveryStageIsReadByItsName(t *testing.T) {
	t.Parallel()
	server := secrettest.NewServer(&secrettest.Options{Value: `{"clientId":"example-client","clientSecret":"one"}`})
	t.Cleanup(server.Close)
	server.Put(`{"clientId":"example-client","clientSecret":"two"}`)
	for stage, want := range map[string]string{secret.StageCurrent: "two", secret.StagePrevious: "one"} {
		got, err := newSource(t, server).Fetch(t.Context(), stage)
		if err != nil || got.ClientSecret.Reveal() != want || got.Stage != stage {
			t.Errorf("%s: %v", stage, err)
		}
	}
}

// Every row is one thing that can be wrong with a secret, and the reason by
// which callers' logs and the runbook know it.
func TestAnUnusableSecretHasAReasonAndAMend(t *testing.T) {
	t.Parallel()
	const marked = "MARKED-5be1"
	put := func(value string) func(*secrettest.Server) { return func(s *secrettest.Server) { s.Put(value) } }
	fault := func(step secrettest.Step) func(*secrettest.Server) {
		return func(s *secrettest.Server) { s.Always(step) }
	}
	for _, row := range []struct {
		name    string
		arrange func(*secrettest.Server)
		want    secret.Reason
		mend    string
	}{
		{"no such secret", fault(secrettest.NotFound()), secret.NotFound, "ATLAS_SECRET_ARN"},
		{"made and never given a value", fault(secrettest.NoValue()), secret.NotFound, "put into"},
		{"reading it is denied", fault(secrettest.AccessDenied()), secret.Denied, "secretsmanager:GetSecretValue"},
		{"KMS does not decrypt it", fault(secrettest.KMSDecryptionFailure()), secret.Undecrypted, "kms:Decrypt"},
		{"KMS denies", fault(secrettest.KMSAccessDenied()), secret.Undecrypted, "kms:Decrypt"},
		{"the AWS credentials have expired", fault(secrettest.Error("ExpiredTokenException", "The security token included in the request is expired")), secret.Denied, "role"},
		{"scheduled for deletion", fault(secrettest.Deleted()), secret.Deleted, "restore"},
		{"throttled", fault(secrettest.Throttled()), secret.Throttled, "tried again"},
		{"an internal error", fault(secrettest.InternalServiceError()), secret.Failed, "tried again"},
		{"an HTTP error without a body", fault(secrettest.HTTPStatus(502)), secret.Unreachable, "tried again"},
		{"a cut connection", fault(secrettest.CutConnection()), secret.Unreachable, "endpoint"},
		{"bytes", func(s *secrettest.Server) { s.PutBinary([]byte(marked)) }, secret.Binary, "SecretBinary"},
		{"an empty string", put(""), secret.Empty, "clientId"},
		{"white space", put(" \n\t"), secret.Empty, "clientId"},
		{"half an object", put(`{"clientId":"` + marked + `"`), secret.Malformed, "clientSecret"},
		{"no client secret", put(`{"clientId":"` + marked + `"}`), secret.Malformed, "clientSecret"},
		{"no client id", put(`{"clientSecret":"` + marked + `"}`), secret.Malformed, "clientId"},
		{"keys in another case", put(`{"ClientId":"a","ClientSecret":"` + marked + `"}`), secret.Malformed, "spelled like that"},
		{"a key twice", put(`{"clientId":"a","clientSecret":"` + marked + `","clientSecret":"b"}`), secret.Malformed, "once"},
		{"values that are no strings", put(`{"clientId":1,"clientSecret":2}`), secret.Malformed, "strings"},
		{"null values", put(`{"clientId":null,"clientSecret":null}`), secret.Malformed, "keys"},
		{"an empty client id", put(`{"clientId":"","clientSecret":"` + marked + `"}`), secret.Malformed, "client id is empty"},
		{"an empty client secret", put(`{"clientId":"a","clientSecret":" "}`), secret.Malformed, "client secret is empty"},
		{"a line break inside", put(`{"clientId":"a","clientSecret":"` + marked + `\r\nx-admin: true"}`), secret.Malformed, "header"},
		{"a character outside ASCII", put(`{"clientId":"a","clientSecret":"` + marked + `é"}`), secret.Malformed, "header"},
		{"longer than a header", put(`{"clientId":"a","clientSecret":"` + strings.Repeat(marked, 500) + `"}`), secret.Malformed, "longer"},
		{"a reference that nobody resolved", put(`{"clientId":"a","clientSecret":"{{resolve:ssm:` + marked + `}}"}`), secret.Malformed, "unresolved"},
		{"a plain string without a client id", put(marked), secret.Malformed, "ATLAS_CLIENT_ID"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := secrettest.NewServer(nil)
			t.Cleanup(server.Close)
			row.arrange(server)
			_, err := newSource(t, server).Fetch(t.Context(), secret.StageCurrent)
			var e *secret.Error
			if !errors.As(err, &e) || !errors.Is(err, secret.ErrUnavailable) {
				t.Fatalf("error is %v, want a *secret.Error", err)
			}
			if e.Reason != row.want || !strings.Contains(err.Error(), row.mend) {
				t.Errorf("reason %s, text %q; want reason %s and a text with %q", e.Reason, err, row.want, row.mend)
			}
			if strings.Contains(err.Error(), marked) || strings.Contains(err.Error(), "arn:") || strings.Contains(err.Error(), "000000000000") {
				t.Errorf("the text says too much: %v", err)
			}
		})
	}
}

func TestAFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := secrettest.NewServer(nil)
	t.Cleanup(server.Close)
	server.Always(secrettest.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := newSource(t, server).Fetch(ctx, secret.StageCurrent)
	var e *secret.Error
	if !errors.As(err, &e) || e.Reason != secret.Unreachable {
		t.Errorf("error is %v, want unreachable", err)
	}
}

func TestTheLogSaysWhichAndWhatToDoAndNoMore(t *testing.T) {
	t.Parallel()
	server := secrettest.NewServer(nil)
	t.Cleanup(server.Close)
	server.Always(secrettest.AccessDenied())
	log := &lines{}
	store := &secret.Store{Fetch: newSource(t, server).Fetch, Logger: slog.New(slog.NewJSONHandler(log, nil))}
	if _, err := store.Get(t.Context()); err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"level":"ERROR"`, `"event":"secret_unavailable"`, `"reason":"denied"`, "secretsmanager:GetSecretValue"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log line lacks %s: %s", want, log)
		}
	}
	if strings.Contains(log.String(), "arn:") {
		t.Errorf("the log line has the ARN: %s", log)
	}
}

// FuzzValue puts any text into the secret: it is two header values or an error,
// which does not repeat it, and never a panic.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"clientId":"a","clientSecret":"b"}`, "plain", "", "{", `{"clientId":"a","clientSecret":"\u0000"}`, "{{resolve:x}}", "\ufeff{}", "[]", "null", "a\r\nb",
	} {
		f.Add(seed, "example-client")
		f.Add(seed, "")
	}
	server := secrettest.NewServer(nil)
	f.Cleanup(server.Close)
	source := newSource(f, server)
	f.Fuzz(func(t *testing.T, value, clientID string) {
		server.Put(value)
		source.ClientID = clientID
		got, err := source.Fetch(t.Context(), secret.StageCurrent)
		if err != nil {
			if !errors.Is(err, secret.ErrUnavailable) {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		for _, part := range []string{got.ClientID, got.ClientSecret.Reveal()} {
			if part == "" || part != strings.TrimSpace(part) || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("a value that no header carries was taken: %q", part)
			}
		}
	})
}
