package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// replies is a function that gives the same reply to every event.
func replies(reply string) function {
	return func(context.Context, []byte) ([]byte, error) { return []byte(reply), nil }
}

const (
	path          = "/getAtripToken.do"
	consoleOrigin = "http://console.example.com"
)

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
			return []byte(`{}`), nil
		}),
	})
	response, _ := do(t, "POST", server.URL+path+"?a=1&a=2&b=%20c", `{"orderNo":"X"}`,
		"Content-Type", "application/json; charset=utf-8", "X-Twice", "one", "X-Twice", "two",
		"Cookie", "first=1; second=2", "User-Agent", "test/1", "X-Forwarded-For", "192.0.2.7")

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
		Cookies: []string{"first=1", "second=2"},
		Headers: map[string]string{
			"accept-encoding": "gzip", "content-length": "15", "content-type": "application/json; charset=utf-8", "host": host,
			"user-agent": "test/1", "x-forwarded-for": "192.0.2.7, 127.0.0.1", "x-forwarded-port": host[strings.LastIndex(host, ":")+1:],
			"x-forwarded-proto": "http", "x-twice": "one,two",
		},
		QueryStringParameters: map[string]string{"a": "1,2", "b": " c"},
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
		Function: function(func(_ context.Context, event []byte) ([]byte, error) { raw = event; return []byte(`{}`), nil }),
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

func TestReply_BecomesAnAnswer(t *testing.T) {
	t.Parallel()
	const failed = `{"message":"Internal Server Error"}`
	for _, row := range []struct {
		name, reply string
		status      int
		contentType string
		body        string
	}{
		{"a full reply", `{"statusCode":403,"headers":{"content-type":"application/problem+json"},"body":"no"}`,
			403, "application/problem+json", "no"},
		{"no body and no content type", `{"statusCode":204}`, 204, "text/plain;charset=UTF-8", ""},
		{"no statusCode: the body of a 200", `{"url":"u"}`, 200, "application/json", `{"url":"u"}`},
		{"a status that is text", `{"statusCode":"200"}`, 500, "application/json", failed},
		{"a status that does not exist", `{"statusCode":99}`, 500, "application/json", failed},
		{"a body that is an object", `{"statusCode":200,"body":{}}`, 500, "application/json", failed},
		{"a reply that is not JSON", `{`, 500, "application/json", failed},
	} {
		server := serve(t, &gateway.Gateway{Function: replies(row.reply)})
		response, body := do(t, "POST", server.URL+path, "{}")
		contentType := response.Header.Get("Content-Type")
		if response.StatusCode != row.status || body != row.body || contentType != row.contentType {
			t.Errorf("%s: %d %q %q; want %d %q %q", row.name, response.StatusCode, contentType, body, row.status, row.contentType, row.body)
		}
		if response.Header.Get("Apigw-Requestid") == "" {
			t.Errorf("%s: no apigw-requestid", row.name)
		}
	}
}

func TestGateway_OwnErrors(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	throttled := &gateway.Gateway{Function: replies(`{}`)}
	throttled.Throttle.Store(true)
	open := func(f function) *gateway.Gateway { return &gateway.Gateway{Function: f} }
	waits := open(func(context.Context, []byte) ([]byte, error) { <-end; return nil, nil })
	waits.FunctionTimeout = time.Millisecond
	for _, row := range []struct {
		name                  string
		gateway               *gateway.Gateway
		method, path, body    string
		status                int
		message, reasonPrefix string
	}{
		{"another path", open(replies(`{}`)), "POST", "/other", "", 404, "Not Found", "no such route"},
		{"another method", open(replies(`{}`)), "GET", path, "", 404, "Not Found", "no such route"},
		{"an event over 6 MB", open(replies(`{}`)), "POST", path, strings.Repeat(" ", 6<<20), 413, "Request Entity Too Large", "event over"},
		{"a throttled stage", throttled, "POST", path, "", 429, "Too Many Requests", "throttled"},
		{"a function error", open(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("boom") }),
			"POST", path, "", 500, "Internal Server Error", "boom"},
		{"a panic", open(func(context.Context, []byte) ([]byte, error) { panic("ouch") }),
			"POST", path, "", 500, "Internal Server Error", "the function panicked: ouch"},
		{"the function's timeout", waits, "POST", path, "", 500, "Internal Server Error", "the function's timeout passed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			logged := make(chan string, 1)
			row.gateway.Log = func(_ *http.Request, _ string, _ int, reason string) { logged <- reason }
			response, body := do(t, row.method, serve(t, row.gateway).URL+row.path, row.body, "Content-Type", "text/plain")
			if response.StatusCode != row.status || body != `{"message":"`+row.message+`"}` {
				t.Errorf("%d %s; want %d %s", response.StatusCode, body, row.status, row.message)
			}
			if reason := <-logged; !strings.HasPrefix(reason, row.reasonPrefix) {
				t.Errorf("the reason is %q, want %q", reason, row.reasonPrefix)
			}
		})
	}
}

func TestGateway_CORS(t *testing.T) {
	t.Parallel()
	server := serve(t, &gateway.Gateway{Origins: []string{consoleOrigin}, Function: replies(
		`{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://other.example.com","Access-Control-Max-Age":"9"}}`)})
	const otherOrigin, preflight = "http://other.example.com", "Access-Control-Request-Method"
	readable := map[string]string{"Allow-Origin": consoleOrigin, "Expose-Headers": "apigw-requestid,retry-after"}
	permission := map[string]string{
		"Allow-Origin": consoleOrigin, "Allow-Methods": "POST", "Allow-Headers": "authorization,content-type,x-atrip-account", "Max-Age": "600",
	}
	for _, row := range []struct {
		name, method, path string
		headers            []string
		status             int
		want               map[string]string
	}{
		{"a preflight of an allowed origin", "OPTIONS", path, []string{"Origin", consoleOrigin, preflight, "POST"}, 204, permission},
		{"a preflight of another origin", "OPTIONS", path, []string{"Origin", otherOrigin, preflight, "POST"}, 204, map[string]string{}},
		{"a preflight of an unknown path", "OPTIONS", "/other", []string{"Origin", consoleOrigin, preflight, "POST"}, 204, permission},
		{"OPTIONS that is not a preflight", "OPTIONS", path, []string{"Origin", consoleOrigin}, 404, readable},
		{"a request of an allowed origin", "POST", path, []string{"Origin", consoleOrigin}, 200, readable},
		{"a request of another origin", "POST", path, []string{"Origin", otherOrigin}, 200, map[string]string{}},
		{"a request without an origin", "POST", path, nil, 200, map[string]string{}},
		{"the gateway's own error", "POST", "/other", []string{"Origin", consoleOrigin}, 404, readable},
	} {
		response, _ := do(t, row.method, server.URL+row.path, "", row.headers...)
		if response.StatusCode != row.status {
			t.Errorf("%s: status %d, want %d", row.name, response.StatusCode, row.status)
		}
		got := map[string]string{}
		for name := range response.Header {
			if short, found := strings.CutPrefix(name, "Access-Control-"); found {
				got[short] = response.Header.Get(name)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", row.name, diff)
		}
	}
}
