package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"atriptoken/cmd/local/internal/gateway"
)

const (
	path = "/getAtripToken.do"
	arn  = "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:api"
)

// event returns the event of a request, which the gateway answers with status 200.
func event(t *testing.T, query, body string, header http.Header) (event events.APIGatewayV2HTTPRequest, requestID string) {
	t.Helper()
	g := &gateway.Gateway{Path: path, FunctionARN: arn, FunctionTimeout: 20 * time.Second, Log: slog.New(slog.DiscardHandler)}
	before := time.Now()
	g.Invoke = func(ctx context.Context, raw []byte) ([]byte, error) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields() // aws-lambda-go's type knows every member of an event
		if err := decoder.Decode(&event); err != nil {
			t.Errorf("%v in %s", err, raw)
		}
		lc, _ := lambdacontext.FromContext(ctx)
		if lc == nil || lc.InvokedFunctionArn != arn || len(lc.AwsRequestID) != 36 {
			t.Errorf("lambda context %+v", lc)
		}
		deadline, _ := ctx.Deadline()
		if deadline.Before(before.Add(20*time.Second)) || deadline.After(time.Now().Add(20*time.Second)) {
			t.Errorf("deadline %v, want 20 s from now", deadline)
		}
		return []byte(`{"statusCode":200}`), nil
	}
	request := httptest.NewRequest("POST", "http://127.0.0.1:8401"+path+query, strings.NewReader(body))
	request.Header = header
	recorder := httptest.NewRecorder()
	g.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		t.Errorf("answered with %d %s", recorder.Code, recorder.Body)
	}
	return event, recorder.Header().Get("Apigw-Requestid")
}

func TestEvent_PayloadFormat2(t *testing.T) {
	t.Parallel()
	before := time.Now()
	got, requestID := event(t, "?a=1&a=2&b=%20c", `{"orderNo":"X"}`, http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "X-Twice": {"one", "two"},
		"User-Agent": {"test/1"}, "X-Forwarded-For": {"192.0.2.7"},
	})
	at := time.UnixMilli(got.RequestContext.TimeEpoch)
	if at.Before(before.Truncate(time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("timeEpoch is %v, want the request's time", at)
	}
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST " + path, RawPath: path, RawQueryString: "a=1&a=2&b=%20c",
		Headers: map[string]string{
			"content-length": "15", "content-type": "application/json; charset=utf-8", "host": "127.0.0.1:8401", "user-agent": "test/1",
			"x-forwarded-for": "192.0.2.7, 192.0.2.1", "x-forwarded-proto": "http", "x-twice": "one,two",
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST " + path, AccountID: "000000000000", Stage: "$default", APIID: "local",
			DomainName: "127.0.0.1:8401", DomainPrefix: "127", RequestID: requestID,
			Time: at.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: at.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1", UserAgent: "test/1",
			},
		},
		Body: `{"orderNo":"X"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestEvent_Body(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, contentType, body, want string
		encoded                       bool
	}{
		{"JSON is text", "application/json; charset=utf-8", "{}", "{}", false},
		{"XML is text", "application/xml", "<a/>", "<a/>", false},
		{"any text is text", "text/csv", "a,b", "a,b", false},
		{"problem+json is binary", "application/problem+json", "{}", "e30=", true},
		{"no content type is binary", "", "{}", "e30=", true},
		{"a malformed content type is binary", ";;", "{}", "e30=", true},
		{"JSON that is not UTF-8 is binary", "application/json", "\xff", "/w==", true},
		{"no body stays no body", "application/octet-stream", "", "", false},
	} {
		got, _ := event(t, "", row.body, http.Header{"Content-Type": {row.contentType}})
		if got.Body != row.want || got.IsBase64Encoded != row.encoded {
			t.Errorf("%s: body %q, isBase64Encoded %t; want %q, %t", row.name, got.Body, got.IsBase64Encoded, row.want, row.encoded)
		}
	}
}
