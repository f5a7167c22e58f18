package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
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

// function is a Lambda handler made of a Go function.
type function func(context.Context, []byte) ([]byte, error)

func (f function) Invoke(ctx context.Context, event []byte) ([]byte, error) { return f(ctx, event) }

const path = "/getAtripToken.do"

func serve(t *testing.T, g *gateway.Gateway) *httptest.Server {
	t.Helper()
	g.Path = path
	if g.FunctionTimeout == 0 {
		g.FunctionTimeout = time.Minute
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return server
}

func do(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(got)
}

func TestEvent_PayloadFormat2(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:api"
	before := time.Now()
	var raw []byte
	server := serve(t, &gateway.Gateway{
		FunctionARN: arn, FunctionTimeout: 20 * time.Second,
		Function: function(func(ctx context.Context, event []byte) ([]byte, error) {
			raw = event
			lc, ok := lambdacontext.FromContext(ctx)
			if !ok || lc.InvokedFunctionArn != arn || len(lc.AwsRequestID) != 36 {
				t.Errorf("lambda context %+v", lc)
			}
			deadline, has := ctx.Deadline()
			if !has || deadline.Before(before.Add(20*time.Second)) || deadline.After(time.Now().Add(20*time.Second)) {
				t.Errorf("deadline %v, want 20 s from now", deadline)
			}
			return []byte(`{"statusCode":200}`), nil
		}),
	})
	response, _ := do(t, "POST", server.URL+path+"?a=1&a=2&b=%20c", `{"orderNo":"X"}`,
		"Content-Type", "application/json; charset=utf-8", "X-Twice", "one", "X-Twice", "two",
		"User-Agent", "test/1", "X-Forwarded-For", "192.0.2.7")

	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields() // aws-lambda-go's type knows every member of an event
	var got events.APIGatewayV2HTTPRequest
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	at := time.UnixMilli(got.RequestContext.TimeEpoch)
	if at.Before(before.Truncate(time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("timeEpoch is %v, want the request's time", at)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST " + path, RawPath: path, RawQueryString: "a=1&a=2&b=%20c",
		Headers: map[string]string{
			"accept-encoding": "gzip", "content-length": "15", "content-type": "application/json; charset=utf-8", "host": host,
			"user-agent": "test/1", "x-forwarded-for": "192.0.2.7, 127.0.0.1",
			"x-forwarded-proto": "http", "x-twice": "one,two",
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST " + path, AccountID: "000000000000", Stage: "$default", APIID: "local", DomainName: host, DomainPrefix: "127",
			RequestID: response.Header.Get("Apigw-Requestid"),
			Time:      at.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: at.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: path, Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "test/1",
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
	var raw []byte
	server := serve(t, &gateway.Gateway{
		Function: function(func(_ context.Context, event []byte) ([]byte, error) { raw = event; return nil, nil }),
	})
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
		do(t, "POST", server.URL+path, row.body, "Content-Type", row.contentType)
		var got events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if got.Body != row.want || got.IsBase64Encoded != row.encoded {
			t.Errorf("%s: body %q, isBase64Encoded %t; want %q, %t", row.name, got.Body, got.IsBase64Encoded, row.want, row.encoded)
		}
	}
}
