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

// says is a function that gives the same reply to every event.
func says(reply string) function {
	return func(context.Context, []byte) ([]byte, error) { return []byte(reply), nil }
}

const postRoute = "POST /getAtripToken.do"

func serve(t *testing.T, g *gateway.Gateway) *httptest.Server {
	t.Helper()
	if g.Routes == nil {
		g.Routes = []gateway.Route{{Key: postRoute}}
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

func TestEventHasTheShapeOfPayloadFormat2(t *testing.T) {
	t.Parallel()
	var raw []byte
	at := time.Date(2026, 3, 12, 19, 3, 58, 390e6, time.UTC)
	server := serve(t, &gateway.Gateway{
		Now:      func() time.Time { return at },
		Function: function(func(_ context.Context, event []byte) ([]byte, error) { raw = event; return []byte(`{}`), nil }),
	})
	response, _ := do(t, "POST", server.URL+"/getAtripToken.do?a=1&a=2&b=%20c", `{"orderNo":"X"}`,
		"Content-Type", "application/json; charset=utf-8", "X-Twice", "one", "X-Twice", "two",
		"Cookie", "first=1; second=2", "User-Agent", "test/1", "X-Forwarded-For", "192.0.2.7")

	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields() // aws-lambda-go's type knows all that may stand in an event
	var got events.APIGatewayV2HTTPRequest
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	port := host[strings.LastIndex(host, ":")+1:]
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: postRoute, RawPath: "/getAtripToken.do", RawQueryString: "a=1&a=2&b=%20c",
		Cookies: []string{"first=1", "second=2"},
		Headers: map[string]string{
			"accept-encoding": "gzip", "content-length": "15", "content-type": "application/json; charset=utf-8", "host": host,
			"user-agent": "test/1", "x-forwarded-for": "192.0.2.7, 127.0.0.1", "x-forwarded-port": port, "x-forwarded-proto": "http",
			"x-twice": "one,two",
		},
		QueryStringParameters: map[string]string{"a": "1,2", "b": " c"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: postRoute, AccountID: "000000000000", Stage: "$default", APIID: "local", DomainName: host, DomainPrefix: "127",
			RequestID: response.Header.Get("Apigw-Requestid"), Time: "12/Mar/2026:19:03:58 +0000", TimeEpoch: at.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: "/getAtripToken.do", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "test/1",
			},
		},
		Body: `{"orderNo":"X"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestBodyIsBase64UnlessItsContentTypeIsText(t *testing.T) {
	t.Parallel()
	var raw []byte
	server := serve(t, &gateway.Gateway{
		Function: function(func(_ context.Context, event []byte) ([]byte, error) { raw = event; return []byte(`{}`), nil }),
	})
	for _, row := range []struct {
		name, contentType, body, want string
		encoded                       bool
	}{
		{"JSON is text", "application/json", "{}", "{}", false},
		{"JSON with a charset is text", "application/json; charset=utf-8", "{}", "{}", false},
		{"XML is text", "application/xml", "<a/>", "<a/>", false},
		{"JavaScript is text", "application/javascript", "1", "1", false},
		{"any text is text", "text/csv", "a,b", "a,b", false},
		{"problem+json is binary", "application/problem+json", "{}", "e30=", true},
		{"a form is binary", "application/x-www-form-urlencoded", "a=b", "YT1i", true},
		{"no content type is binary", "", "{}", "e30=", true},
		{"a content type that cannot be read is binary", ";;", "{}", "e30=", true},
		{"JSON that is not UTF-8 is binary", "application/json", "\xff", "/w==", true},
		{"no body is no body", "application/octet-stream", "", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			do(t, "POST", server.URL+"/getAtripToken.do", row.body, "Content-Type", row.contentType)
			var got events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatal(err)
			}
			if got.Body != row.want || got.IsBase64Encoded != row.encoded {
				t.Errorf("body %q, isBase64Encoded %t; want %q, %t", got.Body, got.IsBase64Encoded, row.want, row.encoded)
			}
		})
	}
}

func TestReplyBecomesAnAnswer(t *testing.T) {
	t.Parallel()
	const failed = `{"message":"Internal Server Error"}`
	for _, row := range []struct {
		name, reply string
		status      int
		contentType string
		body        string
	}{
		{"a full reply", `{"statusCode":403,"headers":{"Content-Type":"application/problem+json"},"body":"no"}`, 403, "application/problem+json", "no"},
		{"a base64 body is decoded", `{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`, 200, "text/plain;charset=UTF-8", "hi"},
		{"a reply without a body", `{"statusCode":204}`, 204, "text/plain;charset=UTF-8", ""},
		{"without statusCode the object is the body of a 200", `{"url":"u"}`, 200, "application/json", `{"url":"u"}`},
		{"an array is the body of a 200", `[1]`, 200, "application/json", `[1]`},
		{"a string is the body of a 200", `"hi"`, 200, "application/json", `hi`},
		{"a status that is text is a failure", `{"statusCode":"200"}`, 500, "application/json", failed},
		{"a null status is a failure", `{"statusCode":null}`, 500, "application/json", failed},
		{"a status that is none is a failure", `{"statusCode":99}`, 500, "application/json", failed},
		{"a body that is an object is a failure", `{"statusCode":200,"body":{}}`, 500, "application/json", failed},
		{"a header that is a list is a failure", `{"statusCode":200,"headers":{"a":["b"]}}`, 500, "application/json", failed},
		{"a body that is not base64 is a failure", `{"statusCode":200,"body":"?","isBase64Encoded":true}`, 500, "application/json", failed},
		{"a reply that is not JSON is a failure", `{`, 500, "application/json", failed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, &gateway.Gateway{Function: says(row.reply)})
			response, body := do(t, "POST", server.URL+"/getAtripToken.do", "{}")
			if response.StatusCode != row.status || body != row.body || response.Header.Get("Content-Type") != row.contentType {
				t.Errorf("%d %q %q; want %d %q %q", response.StatusCode, response.Header.Get("Content-Type"), body,
					row.status, row.contentType, row.body)
			}
			if response.Header.Get("Apigw-Requestid") == "" {
				t.Error("no apigw-requestid")
			}
		})
	}
}

func TestReplyHeadersAndCookies(t *testing.T) {
	t.Parallel()
	server := serve(t, &gateway.Gateway{Function: says(
		`{"statusCode":429,"headers":{"retry-after":2,"x-yes":true,"Connection":"close"},"cookies":["a=1; Secure","b=2"]}`)})
	response, _ := do(t, "POST", server.URL+"/getAtripToken.do", "{}")
	if got := response.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want 2", got)
	}
	if got := response.Header.Get("X-Yes"); got != "true" {
		t.Errorf("X-Yes %q, want true", got)
	}
	if diff := cmp.Diff([]string{"a=1; Secure", "b=2"}, response.Header.Values("Set-Cookie")); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	if response.Close {
		t.Error("the function's Connection header reached the client")
	}
}

func TestOwnErrors(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	waits := function(func(context.Context, []byte) ([]byte, error) { <-end; return nil, nil })
	for _, row := range []struct {
		name          string
		gateway       *gateway.Gateway
		method, path  string
		body          string
		status        int
		message, said string
	}{
		{"another path", &gateway.Gateway{Function: says(`{}`)}, "POST", "/other", "", 404, "Not Found", "no such route"},
		{"another method", &gateway.Gateway{Function: says(`{}`)}, "GET", "/getAtripToken.do", "", 404, "Not Found", "no such route"},
		{"a body over 10 MB", &gateway.Gateway{Function: says(`{}`)}, "POST", "/getAtripToken.do", strings.Repeat(" ", gateway.MaxBody+1),
			413, "Request Entity Too Large", "body over 10 MB"},
		{"an event over 6 MB", &gateway.Gateway{Function: says(`{}`)}, "POST", "/getAtripToken.do", strings.Repeat(" ", 6<<20),
			413, "Request Entity Too Large", "event over Lambda's 6 MB"},
		{"a throttled stage", throttled(), "POST", "/getAtripToken.do", "", 429, "Too Many Requests", "throttled"},
		{"a function error", &gateway.Gateway{Function: function(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("boom") })},
			"POST", "/getAtripToken.do", "", 500, "Internal Server Error", "boom"},
		{"a panic", &gateway.Gateway{Function: function(func(context.Context, []byte) ([]byte, error) { panic("ouch") })},
			"POST", "/getAtripToken.do", "", 500, "Internal Server Error", "the function panicked: ouch"},
		{"the function's timeout", &gateway.Gateway{Function: waits, FunctionTimeout: time.Millisecond},
			"POST", "/getAtripToken.do", "", 500, "Internal Server Error", "the function's timeout passed"},
		{"the integration's timeout", &gateway.Gateway{Function: waits, IntegrationTimeout: time.Millisecond},
			"POST", "/getAtripToken.do", "", 503, "Service Unavailable", "the integration timeout passed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			records := make(chan gateway.AccessRecord, 1)
			row.gateway.Access = func(r gateway.AccessRecord) { records <- r }
			server := serve(t, row.gateway)
			response, body := do(t, row.method, server.URL+row.path, row.body, "Content-Type", "text/plain")
			if response.StatusCode != row.status || body != `{"message":"`+row.message+`"}` {
				t.Errorf("%d %s; want %d %s", response.StatusCode, body, row.status, row.message)
			}
			record := <-records
			if !record.Own || record.Reason != row.said || record.Status != row.status || record.RequestID != response.Header.Get("Apigw-Requestid") {
				t.Errorf("access record %+v; want the reason %q", record, row.said)
			}
		})
	}
}

func throttled() *gateway.Gateway {
	g := &gateway.Gateway{Function: says(`{}`)}
	g.Throttle.Store(true)
	return g
}

func TestInvocationContext(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:api"
	before := time.Now()
	server := serve(t, &gateway.Gateway{
		FunctionARN: arn, FunctionTimeout: 20 * time.Second,
		Function: function(func(ctx context.Context, _ []byte) ([]byte, error) {
			lc, ok := lambdacontext.FromContext(ctx)
			deadline, has := ctx.Deadline()
			if !ok || lc.InvokedFunctionArn != arn || len(lc.AwsRequestID) != 36 {
				t.Errorf("lambda context %+v", lc)
			}
			if !has || deadline.Before(before.Add(20*time.Second)) || deadline.After(time.Now().Add(20*time.Second)) {
				t.Errorf("deadline %v, want 20 s from now", deadline)
			}
			return []byte(`{}`), nil
		}),
	})
	if response, _ := do(t, "POST", server.URL+"/getAtripToken.do", ""); response.StatusCode != 200 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	server := serve(t, &gateway.Gateway{
		Function: function(func(_ context.Context, event []byte) ([]byte, error) {
			var e events.APIGatewayV2HTTPRequest
			err := json.Unmarshal(event, &e)
			return []byte(`"` + e.RouteKey + `"`), err
		}),
		Routes: []gateway.Route{{Key: "$default"}, {Key: "ANY /a"}, {Key: "POST /a"}},
	})
	for request, want := range map[string]string{"POST /a": "POST /a", "PUT /a": "ANY /a", "GET /b": "$default"} {
		method, path, _ := strings.Cut(request, " ")
		if _, got := do(t, method, server.URL+path, ""); got != want {
			t.Errorf("%s went to %s, want %s", request, got, want)
		}
	}
}
