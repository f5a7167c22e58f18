package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAuthorizer_Answers(t *testing.T) {
	at := start(t)
	token := func(query string) string { return at.token(t, "ada@example.com"+query) }
	good := token("")
	const unauthorized, invalid = `{"message":"Unauthorized"}`, `Bearer scope="" error="invalid_token" error_description=`
	for _, row := range []struct {
		name, authorization string
		status              int
		body, says          string
	}{
		{"a good token", "Bearer " + good, 200, `{"url":`, ""},
		{"the scheme in another case", "bEARER " + good, 200, `{"url":`, ""},
		{"no scheme", good, 200, `{"url":`, ""},
		{"no token", "", 401, unauthorized, "Bearer"},
		{"not a token", "Bearer x", 401, unauthorized, invalid + `"the token is not valid"`},
		{"another signature", good[:strings.LastIndex(good, ".")] + ".AAAA", 401, unauthorized, invalid + `"the token is not valid"`},
		{"another issuer", start(t).token(t, "ada@example.com"), 401, unauthorized, invalid + `"the token is not valid"`},
		{"an expired token", token("&lifetime=-10m"), 401, unauthorized, invalid + `"the token has expired"`},
		{"another audience", token("&audience=other"), 401, unauthorized, invalid + `"the token does not have a valid audience"`},
		{"another scope", token("&scope=openid+atrip/opening"), 403, `{"message":"Forbidden"}`,
			`Bearer scope="atrip/open" error="insufficient_scope" error_description="the token does not have a required scope"`},
	} {
		response, body := send(t, "POST", at.API, order, "Content-Type", "application/json", "Authorization", row.authorization)
		says := response.Header.Get("Www-Authenticate")
		if response.StatusCode != row.status || !strings.HasPrefix(body, row.body) || says != row.says {
			t.Errorf("%s: %d %s %s, want %d %s %s", row.name, response.StatusCode, says, body, row.status, row.says, row.body)
		}
		if len(response.Header.Get("Apigw-Requestid")) != 16 {
			t.Errorf("%s: no apigw-requestid", row.name)
		}
	}
}

func TestGateway_OwnErrors(t *testing.T) {
	at := start(t)
	token := at.token(t, "ada@example.com")
	for _, row := range []struct {
		name, method, url, body string
		status                  int
		reason                  string
	}{
		{"another path", "POST", at.API + "x", "", 404, "no such route"},
		{"another method", "GET", at.API, "", 404, "no such route"},
		{"an event over 6 MB", "POST", at.API, strings.Repeat(" ", 6<<20), 413, "event over Lambda's 6 MB"},
	} {
		response, body := send(t, row.method, row.url, row.body, "Authorization", token, "Content-Type", "text/plain")
		if response.StatusCode != row.status || body != `{"message":"`+http.StatusText(row.status)+`"}` {
			t.Errorf("%s: %d %s, want %d", row.name, response.StatusCode, body, row.status)
		}
		if !strings.Contains(at.out.String(), row.reason) {
			t.Errorf("%s: the log lacks %q", row.name, row.reason)
		}
	}
}

func TestGateway_CORS(t *testing.T) {
	const mine, other, preflight = "http://127.0.0.1:3000", "http://127.0.0.1:3001", "Access-Control-Request-Method"
	at := start(t, "-origin", mine)
	readable := map[string]string{"Allow-Origin": mine, "Expose-Headers": "apigw-requestid,retry-after"}
	permission := map[string]string{
		"Allow-Origin": mine, "Allow-Methods": "POST", "Allow-Headers": "authorization,content-type,x-atrip-account", "Max-Age": "600",
	}
	nothing := map[string]string{}
	good := []string{"Content-Type", "application/json", "Authorization", at.token(t, "amelia@example.com"), "Origin"}
	for _, row := range []struct {
		name, method, url string
		headers           []string
		status            int
		want              map[string]string
	}{
		{"a preflight of an allowed origin", "OPTIONS", at.API, []string{preflight, "POST", "Origin", mine}, 204, permission},
		{"a preflight of another origin", "OPTIONS", at.API, []string{preflight, "POST", "Origin", other}, 204, nothing},
		{"a preflight of an unknown path", "OPTIONS", at.API + "x", []string{preflight, "POST", "Origin", mine}, 204, permission},
		{"OPTIONS that is not a preflight", "OPTIONS", at.API, []string{"Origin", mine}, 404, readable},
		{"a request of an allowed origin", "POST", at.API, append(good, mine), 200, readable},
		{"a request of the console", "POST", at.API, append(good, at.Console), 200,
			map[string]string{"Allow-Origin": at.Console, "Expose-Headers": "apigw-requestid,retry-after"}},
		{"a request of another origin", "POST", at.API, append(good, other), 200, nothing},
		{"a request without an origin", "POST", at.API, append(good, ""), 200, nothing},
		{"the gateway's own error", "POST", at.API, []string{"Origin", mine}, 401, readable},
		{"a token for an allowed origin", "GET", at.Issuer + "/dev-token?user=amelia@example.com", []string{"Origin", mine}, 200,
			map[string]string{"Allow-Origin": mine}},
		{"a token for another origin", "GET", at.Issuer + "/dev-token?user=amelia@example.com", []string{"Origin", other}, 200, nothing},
	} {
		response, _ := send(t, row.method, row.url, order, row.headers...)
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
