package browser_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestAnswer_Explained(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	const busy, unreachable = "Try again in 7 seconds", "cannot be reached"
	for _, row := range []struct {
		name, body string
		status     int
		code, says string
		chinese    string
	}{
		{"InvalidRequest", problem("InvalidRequest", 400), 400, "InvalidRequest", "is not valid", "无效"},
		{"NotPermitted", problem("NotPermitted", 403), 403, "NotPermitted", "You may not open this order", "您无权"},
		{"NotFound", problem("NotFound", 404), 404, "NotFound", "could not be opened", "未能打开"},
		{"AtlasRateLimited", problem("AtlasRateLimited", 429), 429, "AtlasRateLimited", busy, "7 秒后重试"},
		{"AtlasFailed", problem("AtlasFailed", 502), 502, "AtlasFailed", "may not know the order", "可能找不到该订单"},
		{"AtlasRefused", problem("AtlasRefused", 502), 502, "AtlasRefused", "credentials", "凭据"},
		{"SecretUnavailable", problem("SecretUnavailable", 503), 503, "SecretUnavailable", unreachable, "无法连接"},
		{"AtlasUnavailable", problem("AtlasUnavailable", 503), 503, "AtlasUnavailable", unreachable, "无法连接"},
		{"AtlasTimeout", problem("AtlasTimeout", 504), 504, "AtlasTimeout", "did not answer in time", "未及时响应"},
		{"Internal", problem("Internal", 500), 500, "Internal", "could not be opened", "未能打开"},
		{"the gateway's 401", `{"message":"Unauthorized"}`, 401, "SignInExpired", "sign-in has expired", "登录已过期"},
		{"the gateway's 403", `{"message":"Forbidden"}`, 403, "NotPermitted", "You may not open this order", "您无权"},
		{"the gateway's 429", `{"message":"Too Many Requests"}`, 429, "Throttled", busy, "7 秒后重试"},
		{"the gateway's 500", `{"message":"Internal Server Error"}`, 500, "Failed", "could not be opened", "未能打开"},
		{"the gateway's 503", `{"message":"Service Unavailable"}`, 503, "Unavailable", unreachable, "无法连接"},
		{"an answer that is no JSON", `<html>`, 502, "Failed", "could not be opened", "未能打开"},
		{"an answer that is null", `null`, 500, "Failed", "could not be opened", "未能打开"},
		{"a success that is no JSON", `<html>`, 200, "Failed", "could not be opened", "未能打开"},
		{"a success without a url", `{"status":0}`, 200, "Failed", "could not be opened", "未能打开"},
		{"a url that is a script", `{"url":"javascript:alert(1)","status":0}`, 200, "Failed", "could not be opened", "未能打开"},
		{"a url that is none", `{"url":"//","status":0}`, 200, "Failed", "could not be opened", "未能打开"},
	} {
		t.Run(row.name, func(t *testing.T) {
			broker.says(row.status, row.body, "Retry-After", "7", "Apigw-Requestid", "gw-1")
			for lang, want := range map[string]string{"en": row.says, "zh-CN": row.chinese} {
				reload(t, ctx)
				do(t, ctx, link(0)+`.setAttribute('lang', '`+lang+`')`)
				told := fail(t, ctx, 0)
				if !strings.Contains(told, want) {
					t.Errorf("in %s the operator is told %q, want %q in it", lang, told, want)
				}
				id := "gw-1"
				if strings.Contains(row.body, `"instance"`) {
					id = "id-1"
				}
				if !strings.Contains(told, id) {
					t.Errorf("in %s the operator is told %q, which has no request id %s to quote", lang, told, id)
				}
				if code := failure(t, ctx); code != row.code {
					t.Errorf("the event says %s, want %s", code, row.code)
				}
			}
			if n := tabs(t, ctx); n != 1 {
				t.Errorf("%d tabs are open, want the failed one closed", n)
			}
		})
	}
}

func TestRequest_NoEndpoint(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	for _, attributes := range []string{`order-no="X1" role="Finance"`, `endpoint="" order-no="X1" role="Finance"`} {
		visit(t, ctx, attributes)
		do(t, ctx, link(0)+`.getAuthorization = async () => 'Bearer x'`)
		fail(t, ctx, 0)
		if code := failure(t, ctx); code != "Unreachable" {
			t.Errorf("<atrip-link %s>: the event says %s, want Unreachable", attributes, code)
		}
		if asked := eval[string](t, ctx, `performance.getEntriesByType('resource').filter((e) => e.initiatorType === 'fetch')
			.map((e) => e.name).join()`); asked != "" {
			t.Errorf("<atrip-link %s>: the token went to %s, want nowhere", attributes, asked)
		}
	}
}

// TestOpen_Ends has what could leave the button busy, or send a request without
// a token.
func TestOpen_Ends(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	body := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(text))
		}
	}
	internal := body(problem("Internal", 500))
	unauthorized := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	for _, row := range []struct {
		name, prepare string
		answer        http.HandlerFunc
		code          string
		asked         int32
	}{
		{"no answer", ``, func(http.ResponseWriter, *http.Request) { <-end }, "Timeout", 1},
		{"a connection that breaks", ``, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Unreachable", -1},
		{"an answer that the page may not read", ``, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Del("Access-Control-Allow-Origin")
		}, "Unreachable", 1},
		{"a redirect", ``, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}, "Unreachable", 1},
		{"a code that is a number", ``, body(`{"code":7}`), "Failed", 1},
		{"a code that is an object", ``, body(`{"code":{"a":1}}`), "Failed", 1},
		{"a code of the name constructor", ``, body(`{"code":"constructor"}`), "constructor", 1},
		{"a code of the name __proto__", ``, body(`{"code":"__proto__"}`), "__proto__", 1},
		{"an instance that is an object", ``, body(`{"code":"Internal","instance":{}}`), "Internal", 1},
		{"a timeout that is not a number", `.setAttribute('timeout', 'abc')`, internal, "Internal", 1},
		{"a negative timeout", `.setAttribute('timeout', '-1')`, internal, "Internal", 1},
		{"a token that never comes", `.getAuthorization = () => new Promise(() => {})`, internal, "Timeout", 0},
		{"a token function that rejects", `.getAuthorization = async () => { throw new Error('no session'); }`, internal, "SignInExpired", 0},
		{"a token function that throws", `.getAuthorization = () => { throw new Error('no session'); }`, internal, "SignInExpired", 0},
		{"no token function", `.getAuthorization = undefined`, unauthorized, "SignInExpired", 1},
		{"a token function that gives nothing", `.getAuthorization = async () => undefined`, unauthorized, "SignInExpired", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			broker.does(row.answer)
			before := broker.asked.Load()
			reload(t, ctx)
			do(t, ctx, link(0)+`.setAttribute('timeout', '1'); `+link(0)+row.prepare)
			fail(t, ctx, 0)
			if code := failure(t, ctx); code != row.code {
				t.Errorf("the event says %s, want %s", code, row.code)
			}
			if n := broker.asked.Load() - before; n != row.asked && row.asked >= 0 { // Chromium repeats a request that breaks
				t.Errorf("the endpoint was asked %d times, want %d", n, row.asked)
			}
			if n := tabs(t, ctx); n != 1 {
				t.Errorf("%d tabs are open, want the failed one closed", n)
			}
		})
	}
}
