// Package examples_test runs every file of docs/examples against the real function.
package examples_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/function"
	"atriptoken/secret/secrettest"
)

const (
	root  = "../.."
	order = "XPFIW20220209163159425"
)

// broker is the real function, with simulators behind it.
type broker struct {
	atlas    *atlastest.Server
	function *handler.Handler
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{atlas: atlastest.NewServer(nil)}
	t.Cleanup(b.atlas.Close)
	secrets := secrettest.NewServer(nil)
	t.Cleanup(secrets.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL, "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "",
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
	} {
		t.Setenv(name, value)
	}
	var err error
	b.function, err = function.New(t.Context(), map[string]string{
		"ATLAS_BASE_URL": b.atlas.URL, "ATLAS_SECRET_ARN": secrets.ARN, "ATRIP_POLICY_FILE": root + "/policy/default.cedar",
		"ATLAS_ATTEMPT_TIMEOUT": "300ms",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// failure is a function error as Lambda hands it to who invoked.
type failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// invoke runs the function through an alias. A function error is a *failure.
func (b *broker) invoke(t *testing.T, alias string, event any) (map[string]any, *failure) {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	reply, failed := b.raw(alias, text)
	if failed != nil {
		return nil, failed
	}
	var answer map[string]any
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Fatalf("%s: %v", reply, err)
	}
	return answer, nil
}

func (b *broker) raw(alias string, event []byte) ([]byte, *failure) {
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{
		AwsRequestID: "266b3e08-6934-4a3a-932a-572c0992e734", InvokedFunctionArn: "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:" + alias,
	})
	reply, err := b.function.Invoke(ctx, event)
	var named messages.InvokeResponse_Error
	switch {
	case errors.As(err, &named):
		return nil, &failure{Type: named.Type, Message: named.Message}
	case err != nil:
		return nil, &failure{Type: "Unnamed", Message: err.Error()}
	}
	return reply, nil
}

// lambdaAPI is Lambda's Invoke in front of the function.
func (b *broker) lambdaAPI(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		_, alias, _ := strings.Cut(strings.TrimSuffix(r.URL.Path, "/invocations"), ":")
		reply, failed := b.raw(alias, event)
		if failed != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			reply, _ = json.Marshal(failed)
		}
		_, _ = w.Write(reply)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// read decodes a JSON file.
func read[T any](t *testing.T, path string) T {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return value
}

// isLink reports whether an answer has a url of the portal.
func (b *broker) isLink(url any) bool {
	s, ok := url.(string)
	return ok && strings.HasPrefix(s, b.atlas.URL+"/")
}
