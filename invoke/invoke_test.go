package invoke_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"atriptoken/atlas/atlastest"
	"atriptoken/function"
	"atriptoken/handler"
	"atriptoken/invoke"
	"atriptoken/secret/secrettest"
)

// broker is the real function behind Lambda's Invoke API, with the simulators
// behind it.
type broker struct {
	atlas    *atlastest.Server
	function *handler.Handler
	// reply, when it is not "", is what Lambda answers in the function's place.
	reply, functionError string
}

func newBroker(t *testing.T) (*invoke.Client, *broker) {
	t.Helper()
	b := &broker{atlas: atlastest.NewServer(nil)}
	t.Cleanup(b.atlas.Close)
	secrets := secrettest.NewServer(nil)
	t.Cleanup(secrets.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL, "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
	} {
		t.Setenv(name, value)
	}
	var err error
	b.function, err = function.New(t.Context(), map[string]string{
		"ATLAS_BASE_URL": b.atlas.URL, "ATLAS_SECRET_ARN": secrets.ARN, "ATRIP_POLICY_FILE": "../policies/default.cedar",
		"ATLAS_ATTEMPT_TIMEOUT": "300ms",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return &invoke.Client{
		Function: "atrip-token:service",
		Lambda: lambda.New(lambda.Options{
			Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", ""),
		}),
	}, b
}

// ServeHTTP is Lambda's Invoke (Lambda API reference, "Invoke").
func (b *broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/2015-03-31/functions/atrip-token:service/invocations" || r.Header.Get("X-Amz-Invocation-Type") != "RequestResponse" {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		http.Error(w, `{"Message":"Function not found"}`, http.StatusNotFound)
		return
	}
	event, _ := io.ReadAll(r.Body)
	reply, failed := []byte(b.reply), b.functionError
	if b.reply == "" {
		ctx := lambdacontext.NewContext(r.Context(), &lambdacontext.LambdaContext{
			AwsRequestID: "266b3e08-6934-4a3a-932a-572c0992e734", InvokedFunctionArn: "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:service",
		})
		var err error
		var named messages.InvokeResponse_Error
		if reply, err = b.function.Invoke(ctx, event); errors.As(err, &named) {
			reply, _ = json.Marshal(named)
			failed = "Unhandled"
		}
	}
	if failed != "" {
		w.Header().Set("X-Amz-Function-Error", failed)
	}
	_, _ = w.Write(reply)
}

var request = invoke.Request{OrderNo: "XPFIW20220209163159425", UserName: "amelia@example.com", Role: "Customer service"}

func TestServiceGetsALink(t *testing.T) {
	client, b := newBroker(t)
	link, err := client.GetAtripToken(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(link.URL.Reveal(), b.atlas.URL+"/") {
		t.Errorf("the url is %s, want one of the portal", link.URL.Reveal())
	}
	if printed := fmt.Sprintf("%v %+v", link, link); strings.Contains(printed, "token=") {
		t.Errorf("a printed link shows its url: %s", printed)
	}
}

func TestFailuresHaveTheirCode(t *testing.T) {
	client, b := newBroker(t)
	for _, row := range []struct {
		name      string
		step      atlastest.Step
		role      string
		code      invoke.Code
		temporary bool
	}{
		{"an unknown role", atlastest.OK(), "Boss", invoke.InvalidRequest, false},
		{"Atlas fails", atlastest.SystemError(), "", invoke.AtlasFailed, true},
		{"Atlas limits the rate", atlastest.RateLimited(60, 200), "", invoke.AtlasRateLimited, true},
		{"Atlas does not answer", atlastest.Hang(), "", invoke.AtlasTimeout, true},
		{"Atlas refuses the credentials", atlastest.Unauthorized(), "", invoke.AtlasRefused, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.atlas.Always(row.step)
			defer b.atlas.Clear()
			r := request
			if row.role != "" {
				r.Role = row.role
			}
			_, err := client.GetAtripToken(t.Context(), r)
			var failure *invoke.Error
			if !errors.Is(err, row.code) || !errors.As(err, &failure) {
				t.Fatalf("error %v, want %s", err, row.code)
			}
			if failure.Code.Temporary() != row.temporary {
				t.Errorf("%s is temporary: %t", failure.Code, failure.Code.Temporary())
			}
			if !strings.Contains(failure.Message, "266b3e08") {
				t.Errorf("the message %q has no request id to quote", failure.Message)
			}
		})
	}
}

func TestEveryCodeOfTheBrokerIsKnown(t *testing.T) {
	known := map[invoke.Code]bool{
		invoke.InvalidRequest: true, invoke.NotPermitted: true, invoke.BodyTooLarge: true, invoke.AtlasRateLimited: true,
		invoke.AtlasFailed: true, invoke.AtlasRefused: true, invoke.SecretUnavailable: true, invoke.AtlasUnavailable: true,
		invoke.AtlasTimeout: true, invoke.Internal: true,
	}
	for code := range handler.Codes() {
		switch code {
		case handler.NotFound, handler.MethodNotAllowed, handler.UnsupportedMediaType: // HTTP's own
			continue
		}
		if !known[invoke.Code(code)] {
			t.Errorf("the broker's code %s has no constant here", code)
		}
	}
}

func TestAnswersThatAreNotTheBrokers(t *testing.T) {
	client, b := newBroker(t)
	for _, row := range []struct {
		name, reply, functionError string
		want                       error
	}{
		{"another function's", `{"hello":"world"}`, "", invoke.ErrMalformed},
		{"an HTTP answer", `{"statusCode":200,"body":"{}"}`, "", invoke.ErrMalformed},
		{"a status without a url", `{"status":0}`, "", invoke.ErrMalformed},
		{"a url without a status", `{"url":"https://portal.example.com/"}`, "", invoke.ErrMalformed},
		{"null", `null`, "", invoke.ErrMalformed},
		{"not JSON", `<html>`, "", invoke.ErrMalformed},
		{"an error that is not JSON", `<html>`, "Unhandled", invoke.ErrMalformed},
		{"Lambda's timeout", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out after 25.00 seconds"}`, "Unhandled", invoke.TimedOut},
		{"a process that ended", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1 Error: Runtime exited"}`, "Unhandled", invoke.Exited},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.reply, b.functionError = row.reply, row.functionError
			if _, err := client.GetAtripToken(t.Context(), request); !errors.Is(err, row.want) {
				t.Errorf("error %v, want %v", err, row.want)
			}
		})
	}
}

func TestFailuresOfLambdaAreTheSDKs(t *testing.T) {
	client, _ := newBroker(t)
	client.Function = "other"
	if _, err := client.GetAtripToken(t.Context(), request); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("error %v, want the SDK's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.GetAtripToken(ctx, request); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
