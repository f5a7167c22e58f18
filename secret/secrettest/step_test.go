package secrettest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"atriptoken/secret/secrettest"
)

func TestFaultsReachTheSDKAsTheServiceSendsThem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step   secrettest.Step
		code   string
		status int
		text   string // has to occur in the error
		typed  any    // what errors.As has to find, nil when the SDK has no type
	}{
		"access denied":     {secrettest.AccessDenied(), "AccessDeniedException", 400, "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:000000000000:secret:example/atlas-credentials-AbCdEf because", nil},
		"KMS access denied": {secrettest.KMSAccessDenied(), "AccessDeniedException", 400, "Access to KMS is not allowed", nil},
		"KMS key disabled":  {secrettest.KMSDecryptionFailure(), "DecryptionFailure", 400, "KMS key", new(*types.DecryptionFailure)},
		"not found":         {secrettest.NotFound(), "ResourceNotFoundException", 400, "find the specified secret.", new(*types.ResourceNotFoundException)},
		"no value":          {secrettest.NoValue(), "ResourceNotFoundException", 400, "staging label: AWSCURRENT", new(*types.ResourceNotFoundException)},
		"deleted":           {secrettest.Deleted(), "InvalidRequestException", 400, "marked for deletion", new(*types.InvalidRequestException)},
		"throttled":         {secrettest.Throttled(), "ThrottlingException", 400, "Rate exceeded", nil},
		"internal error":    {secrettest.InternalServiceError(), "InternalServiceError", 500, "server side", new(*types.InternalServiceError)},
		"any error":         {secrettest.Error("InvalidParameterException", "what"), "InvalidParameterException", 400, "what", new(*types.InvalidParameterException)},
		"a proxy's error":   {secrettest.HTTPStatus(503), "", 503, "503", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t, nil)
			server.Script(test.step)
			_, err := get(t, server, client)
			if err == nil {
				t.Fatal("no error")
			}
			var answer *awshttp.ResponseError
			if !errors.As(err, &answer) || answer.HTTPStatusCode() != test.status || test.code != "" && answer.ServiceRequestID() == "" {
				t.Errorf("error %v, want HTTP %d with a request id", err, test.status)
			}
			if test.code != "" && code(err) != test.code || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %s with %q", err, test.code, test.text)
			}
			if test.typed != nil && !errors.As(err, test.typed) {
				t.Errorf("error %v is no %T", err, test.typed)
			}
			if _, err := get(t, server, client); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

func TestStrangeValuesComeUnderTheCurrentVersion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step   secrettest.Step
		text   *string
		binary string
	}{
		"malformed": {secrettest.Malformed(), aws.String(`{"clientId":"example-client",`), ""},
		"empty":     {secrettest.Empty(), aws.String(""), ""},
		"any text":  {secrettest.Value("plain"), aws.String("plain"), ""},
		"binary":    {secrettest.Binary(), nil, secrettest.DefaultValue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t, nil)
			server.Script(test.step)
			got, err := get(t, server, client)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := get(t, server, client)
			if err != nil {
				t.Fatal(err)
			}
			if cmp.Diff(test.text, got.SecretString) != "" || string(got.SecretBinary) != test.binary || *got.VersionId != *plain.VersionId {
				t.Errorf("text %v, binary %q, version %s; want %v, %q, %s", got.SecretString, got.SecretBinary, *got.VersionId, test.text, test.binary, *plain.VersionId)
			}
			if *plain.SecretString != secrettest.DefaultValue {
				t.Errorf("the version itself is now %q", *plain.SecretString)
			}
		})
	}
}

func TestScriptedStepsComeFirstThenAlwaysThenOK(t *testing.T) {
	t.Parallel()
	server, client := start(t, nil)
	server.Always(secrettest.Throttled())
	server.Script(secrettest.NotFound(), secrettest.Step{})
	var got []string
	for range 4 {
		_, err := get(t, server, client)
		got = append(got, code(err))
	}
	server.Script(secrettest.Deleted())
	server.Clear()
	_, err := get(t, server, client)
	got = append(got, code(err))
	if diff := cmp.Diff([]string{"ResourceNotFoundException", "", "ThrottlingException", "ThrottlingException", ""}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

func TestTheSDKTakesThrottlingForSomethingToRetry(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	server.Script(secrettest.Throttled(), secrettest.InternalServiceError())
	client := newClient(server.URL)
	_, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &server.ARN}, func(o *secretsmanager.Options) {
		// The SDK's own judgement of errors, without its pauses.
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	})
	if err != nil || len(server.Requests()) != 3 {
		t.Errorf("%d calls, error %v; want the third to succeed", len(server.Requests()), err)
	}
}

func TestHoldAnswersWhenReleased(t *testing.T) {
	t.Parallel()
	server, client := start(t, nil)
	release := make(chan struct{})
	server.Script(secrettest.Hold(release, secrettest.NotFound()), secrettest.Delay(time.Nanosecond, secrettest.OK()))
	failed := make(chan error, 1)
	go func() {
		_, err := get(t, server, client)
		failed <- err
	}()
	if err := server.WaitRequests(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, server, client); err != nil {
		t.Errorf("a call beside the held one: %v", err)
	}
	select {
	case err := <-failed:
		t.Fatalf("answered before the release: %v", err)
	default:
	}
	close(release)
	if err := <-failed; code(err) != "ResourceNotFoundException" {
		t.Errorf("error %v", err)
	}
}

// waits are steps that end only when the client or the server does.
var waits = map[string]secrettest.Step{
	"Hang":  secrettest.Hang(),
	"Delay": secrettest.Delay(time.Hour, secrettest.OK()),
}

func TestWaitsEndWhenTheServerCloses(t *testing.T) {
	t.Parallel()
	for name, step := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := start(t, nil)
			server.Script(step)
			failed := make(chan error, 1)
			go func() {
				_, err := get(t, server, client)
				failed <- err
			}()
			if err := server.WaitRequests(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			server.Close()
			if err := <-failed; err == nil {
				t.Error("the call got an answer")
			}
		})
	}
}

func TestWaitsEndWhenTheClientGoesAway(t *testing.T) {
	t.Parallel()
	for name, step := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			simulator := secrettest.New(nil)
			defer simulator.Close()
			simulator.Script(step)
			ended := make(chan any, 1)
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					ended <- recover()
					panic(http.ErrAbortHandler)
				}()
				simulator.Handler().ServeHTTP(w, r)
			}))
			defer host.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				if err := simulator.WaitRequests(ctx, 1); err != nil {
					t.Error(err)
				}
				cancel()
			}()
			_, err := newClient(host.URL).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &simulator.ARN})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the client's error is %v, want the cancellation", err)
			}
			if got := <-ended; got != http.ErrAbortHandler {
				t.Errorf("the handler ended with %v, want http.ErrAbortHandler", got)
			}
		})
	}
}

func TestRequestsTellsWhatWasAskedForWithoutTheValue(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log strings.Builder
	server, client := start(t, &secrettest.Options{Value: "MARKED-1", Logf: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&log, format+"\n", args...)
	}})
	server.Script(secrettest.Value("MARKED-2"))
	if _, err := client.GetSecretValue(t.Context(), input(server, "", "AWSPREVIOUS")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(secrettest.DefaultName), SecretString: aws.String("MARKED-3")}); err != nil {
		t.Fatal(err)
	}
	want := []secrettest.Recorded{
		{Operation: "GetSecretValue", SecretID: server.ARN, VersionStage: "AWSPREVIOUS", Step: "Value(8 bytes)"},
		{Operation: "PutSecretValue", SecretID: secrettest.DefaultName, Step: "OK()"},
	}
	if diff := cmp.Diff(want, server.Requests()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); strings.Contains(text, "MARKED") || strings.Count(text, "\n") != 2 {
		t.Errorf("log:\n%s", text)
	}
}

func TestCutConnectionsGiveNoAnswer(t *testing.T) {
	t.Parallel()
	server, client := start(t, nil)
	server.Script(secrettest.CutConnection())
	if _, err := get(t, server, client); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want io.EOF", err)
	}
}

func TestWaitRequestsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.WaitRequests(ctx, 1); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 1") {
		t.Errorf("error %v", err)
	}
}

func TestNewServerPanicsWhenItCannotListen(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	secrettest.NewServer(&secrettest.Options{Addr: strings.TrimPrefix(server.URL, "http://")}).Close()
}
