package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/cmd/local/internal/gateway"
)

const consoleOrigin = "http://console.example.com"

func corsHeaders(h http.Header) map[string]string {
	got := map[string]string{}
	for _, name := range []string{"Allow-Origin", "Allow-Methods", "Allow-Headers", "Allow-Credentials", "Expose-Headers", "Max-Age"} {
		if value := h.Get("Access-Control-" + name); value != "" {
			got[name] = value
		}
	}
	return got
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const preflight = "Access-Control-Request-Method"
	server := serve(t, &gateway.Gateway{
		Function: says(`{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://evil.example.com","Access-Control-Max-Age":"9"}}`),
		CORS: gateway.CORS{
			AllowOrigins: []string{consoleOrigin, "https://*"}, AllowMethods: []string{"POST"},
			AllowHeaders: []string{"authorization", "content-type"}, ExposeHeaders: []string{"apigw-requestid", "retry-after"},
			MaxAge: 5 * time.Minute,
		},
	})
	allowed := map[string]string{"Allow-Origin": consoleOrigin, "Expose-Headers": "apigw-requestid,retry-after"}
	for _, row := range []struct {
		name, method, path string
		headers            []string
		status             int
		want               map[string]string
	}{
		{"a preflight of an allowed origin", "OPTIONS", "/getAtripToken.do", []string{"Origin", consoleOrigin, preflight, "POST"}, 204,
			map[string]string{"Allow-Origin": consoleOrigin, "Allow-Methods": "POST", "Allow-Headers": "authorization,content-type", "Max-Age": "300"}},
		{"a preflight of another origin", "OPTIONS", "/getAtripToken.do", []string{"Origin", "http://evil.example.com", preflight, "POST"}, 204, map[string]string{}},
		{"a preflight of an unknown path", "OPTIONS", "/other", []string{"Origin", consoleOrigin, preflight, "POST"}, 204,
			map[string]string{"Allow-Origin": consoleOrigin, "Allow-Methods": "POST", "Allow-Headers": "authorization,content-type", "Max-Age": "300"}},
		{"OPTIONS that is no preflight", "OPTIONS", "/getAtripToken.do", []string{"Origin", consoleOrigin}, 404, allowed},
		{"a request of an allowed origin: the function's headers are dropped", "POST", "/getAtripToken.do", []string{"Origin", consoleOrigin}, 200, allowed},
		{"a request of another origin is answered without headers", "POST", "/getAtripToken.do", []string{"Origin", "http://evil.example.com"}, 200, map[string]string{}},
		{"a scheme's wildcard", "POST", "/getAtripToken.do", []string{"Origin", "https://a.example.com"}, 200,
			map[string]string{"Allow-Origin": "https://a.example.com", "Expose-Headers": "apigw-requestid,retry-after"}},
		{"a request without an origin", "POST", "/getAtripToken.do", nil, 200, map[string]string{}},
		{"the gateway's own error has them", "POST", "/other", []string{"Origin", consoleOrigin}, 404, allowed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			response, _ := do(t, row.method, server.URL+row.path, "", row.headers...)
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
			if diff := cmp.Diff(row.want, corsHeaders(response.Header)); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCORSForEveryOriginWithCredentials(t *testing.T) {
	t.Parallel()
	server := serve(t, &gateway.Gateway{Function: says(`{}`), CORS: gateway.CORS{AllowOrigins: []string{"*"}, AllowCredentials: true}})
	response, _ := do(t, "POST", server.URL+"/getAtripToken.do", "", "Origin", consoleOrigin)
	want := map[string]string{"Allow-Origin": "*", "Allow-Credentials": "true"}
	if diff := cmp.Diff(want, corsHeaders(response.Header)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestWithoutCORSTheFunctionSpeaksForItself(t *testing.T) {
	t.Parallel()
	server := serve(t, &gateway.Gateway{Function: says(`{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`)})
	response, _ := do(t, "POST", server.URL+"/getAtripToken.do", "", "Origin", consoleOrigin)
	if got := response.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin %q, want the function's *", got)
	}
	response, _ = do(t, "OPTIONS", server.URL+"/getAtripToken.do", "", "Origin", consoleOrigin, "Access-Control-Request-Method", "POST")
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("a preflight without CORS: status %d, want 404", response.StatusCode)
	}
}
