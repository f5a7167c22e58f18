package handler_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret"
)

func TestAnswer_Success(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	r := b.http(sample("http-api-jwt"))
	if diff := cmp.Diff(map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	}, r.Headers); diff != "" {
		t.Error(diff)
	}
	if r.IsBase64Encoded || !strings.HasPrefix(r.Body, `{"url":"`+b.atlas.URL) || !strings.Contains(r.Body, `","status":0,"msg":`) {
		t.Errorf("HTTP %d, and the body is not Atlas's: %s", r.StatusCode, r.Body)
	}
}

// failure is one row of the contract's table: what causes it and what callers get.
type failure struct {
	name   string
	code   handler.Code
	status int
	edits  []lambdatest.Edit       // of the HTTP event
	plain  string                  // the plain event; "" if the failure is HTTP's only
	atlas  atlastest.Step          // Atlas's reply; zero if Atlas must not be called
	calls  int                     // of Atlas for one request, 0 if it does not matter
	config []func(*handler.Config) // the broker's
	header map[string]string       // the answer's own headers
	detail string                  // a part of the answer's detail
}

func failures(t *testing.T) (all []failure) {
	edit := func(edits ...lambdatest.Edit) []lambdatest.Edit { return edits }
	sends := func(old, with string) []lambdatest.Edit { return edit(body(strings.Replace(good, old, with, 1))) }
	large := good + strings.Repeat(" ", 16<<10+1-len(good))
	noSecret := func(c *handler.Config) {
		c.Accounts["default"].Secret.Pause = 10 * time.Second
		c.Accounts["default"].Secret.Fetch = func(context.Context, string) (secret.Credentials, error) {
			return secret.Credentials{}, &secret.Error{Reason: secret.Denied}
		}
	}
	fastPause := func(c *handler.Config) { c.Accounts["default"].Secret.Pause = time.Millisecond }
	unavailable := func(c *handler.Config) { c.Accounts["default"].Atlas = atlasClient(t, "http://127.0.0.1:1") }
	closed := withPolicy(t, `forbid(principal is Service, action, resource);`)
	all = []failure{
		{name: "bad members", code: handler.InvalidRequest, status: 400, edits: edit(body(badMembers)), plain: badMembers},
		{name: "another role", code: handler.NotPermitted, status: 403, edits: sends("Customer service", "Admin"),
			detail: "with this user name and role"},
		{name: "another name", code: handler.NotPermitted, status: 403, edits: sends("amelia", "oskar"), detail: "only as yourself"},
		{name: "no identity", code: handler.NotPermitted, status: 403, edits: edit(set(absent{}, "requestContext", "authorizer"))},
		{name: "no name claim", code: handler.NotPermitted, status: 403, edits: edit(claim("email", absent{}))},
		{name: "a closed policy", code: handler.NotPermitted, status: 403, edits: sends("amelia", "oskar"), plain: good,
			config: []func(*handler.Config){closed}},
		{name: "another path", code: handler.NotFound, status: 404, edits: edit(set("/other", "rawPath"))},
		{name: "GET that says POST", code: handler.MethodNotAllowed, status: 405, header: map[string]string{"Allow": "POST"},
			edits: edit(set("GET", "requestContext", "http", "method"), headerSet("x-http-method-override", "POST"))},
		{name: "too large", code: handler.BodyTooLarge, status: 413, edits: edit(body(large)), plain: large},
		{name: "limited", code: handler.AtlasRateLimited, status: 429, plain: good, atlas: atlastest.RateLimited(61, 200),
			header: map[string]string{"Retry-After": "61"}},
		{name: "limited by HTTP", code: handler.AtlasRateLimited, status: 429, plain: good, atlas: atlastest.RateLimited(61, 429),
			header: map[string]string{"Retry-After": "61"}},
		{name: "no secret", code: handler.SecretUnavailable, status: 503, plain: good, config: []func(*handler.Config){noSecret},
			header: map[string]string{"Retry-After": "1"}},
		{name: "no connection", code: handler.AtlasUnavailable, status: 503, plain: good, config: []func(*handler.Config){unavailable},
			header: map[string]string{"Retry-After": "5"}},
	}
	for _, method := range []string{"GET", "post", ""} {
		all = append(all, failure{name: "method " + method, code: handler.MethodNotAllowed, status: 405,
			edits: edit(set(method, "requestContext", "http", "method")), header: map[string]string{"Allow": "POST"}})
	}
	for name, header := range map[string]lambdatest.Edit{
		"text": headerSet("content-type", "text/plain"), "none": headerSet("content-type", absent{}),
		"broken": headerSet("content-type", "application/json; charset"),
		"two":    headerSet("Content-Type", "application/json"), // and content-type, as the sample has it
		"gzip":   headerSet("content-encoding", "gzip"),
	} {
		all = append(all, failure{name: "type " + name, code: handler.UnsupportedMediaType, status: 415, edits: edit(header)})
	}
	for name, row := range map[string]struct {
		step  atlastest.Step
		calls int // of Atlas for one request: transient failures are retried
	}{
		"status 2": {atlastest.SystemError(), 2}, "status 9999": {atlastest.Status(9999), 2}, "status -1": {atlastest.Status(-1), 2},
		"HTTP 500": {atlastest.HTTPStatus(500), 2}, "garbage": {atlastest.Garbage(), 2}, "HTML": {atlastest.HTML(), 2},
		"cut short": {atlastest.Truncated(), 2}, "unknown status": {atlastest.Status(100), 1}, "HTTP 404": {atlastest.HTTPStatus(404), 1},
		"redirect": {atlastest.Redirect("https://evil.example/"), 1}, "oversized": {atlastest.Oversized(1 << 20), 1},
		"a gzip bomb": {atlastest.GzipBomb(8 << 20), 1}, "url on another host": {atlastest.BadURL("https://evil.example/?token=x"), 1},
		"url not https": {atlastest.BadURL("javascript:alert(1)"), 1}, "no url": {atlastest.JSON(`{"status":0}`), 1},
		"status as string": {atlastest.JSON(`{"url":"","status":"0"}`), 2},
	} {
		all = append(all, failure{name: name, code: handler.AtlasFailed, status: 502, plain: good, atlas: row.step, calls: row.calls})
	}
	for name, step := range map[string]atlastest.Step{
		"status 3": atlastest.Unauthorized(), "status 900": atlastest.Status(900), "status 902": atlastest.Status(902),
		"HTTP 401": atlastest.HTTPStatus(401), "HTTP 403": atlastest.HTTPStatus(403),
	} {
		all = append(all, failure{name: name, code: handler.AtlasRefused, status: 502, plain: good, atlas: step,
			config: []func(*handler.Config){fastPause}})
	}
	return all
}

const badMembers = `{"orderNo":"","userName":7,"roel":"Admin"}`

// Each row in both contracts: as an HTTP problem and as a function error.
func TestAnswer_Failures(t *testing.T) {
	t.Parallel()
	covered := map[handler.Code]bool{handler.Internal: true, handler.AtlasTimeout: true} // see below
	for _, row := range failures(t) {
		covered[row.code] = true
		t.Run(string(row.code)+"/"+row.name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, row.config...)
			b.atlas.Always(row.atlas)
			problemAnswer(t, b, row)
			if row.plain != "" {
				plainAnswer(t, b, row)
			}
			if n := b.attempts(); row.status < 429 && n != 0 || row.calls > 0 && n != 2*row.calls {
				t.Errorf("Atlas was called %d times", n)
			}
		})
	}
	for code := range handler.Codes() {
		if !covered[code] {
			t.Errorf("no row has the code %s", code)
		}
	}
}

func problemAnswer(t *testing.T, b *broker, row failure) {
	t.Helper()
	r := b.http(sample("http-api-jwt", row.edits...))
	p := r.problem(t)
	if r.StatusCode != row.status || p.Status != row.status || p.Code != string(row.code) || r.IsBase64Encoded {
		t.Errorf("HTTP %d, status %d, code %q; want %d and %q", r.StatusCode, p.Status, p.Code, row.status, row.code)
	}
	if p.Type != "urn:atriptoken:problem:"+string(row.code) || p.Title == "" || p.Detail == "" || p.Instance != requestID ||
		!strings.Contains(p.Detail, row.detail) {
		t.Errorf("the problem is %+v, want the detail %q and the instance %s", p, row.detail, requestID)
	}
	headers := map[string]string{
		"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	}
	maps.Copy(headers, row.header)
	if diff := cmp.Diff(headers, r.Headers); diff != "" {
		t.Error(diff)
	}
	for _, revealed := range []string{"evil", "atrip-", "operator-as-themselves"} {
		if strings.Contains(r.Body, revealed) {
			t.Errorf("the answer reveals %q: %s", revealed, r.Body)
		}
	}
	if got := b.audit()["outcome"]; got != string(row.code) {
		t.Errorf("the audit line's outcome is %v, want %s", got, row.code)
	}
}

func plainAnswer(t *testing.T, b *broker, row failure) {
	t.Helper()
	_, code, message := b.plain(row.plain)
	if code != string(row.code) || !strings.HasSuffix(message, "(request "+requestID+")") {
		t.Errorf("the function error is %s: %s; want %s and the request id at the end", code, message, row.code)
	}
	if wait := row.header["Retry-After"]; wait != "" && !strings.Contains(message, "Try again in ") {
		t.Errorf("%q does not say how long to wait", message)
	}
}

func TestAnswer_NamesEveryBadMember(t *testing.T) {
	t.Parallel()
	_, _, message := newBroker(t).plain(badMembers)
	const want = "The request is not valid: The body has faults; errors names each. /orderNo must not be empty." +
		" /userName must be a string. /role is required." +
		" /roel is not a member of the request; it takes orderNo, userName and role, spelled like that. (request " + requestID + ")"
	if message != want {
		t.Errorf("%q, want %q", message, want)
	}
}

func TestAnswer_LimitsAreExact(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	fits := good + strings.Repeat(" ", 16<<10-len(good))
	if _, code, message := b.plain(fits); code != "OK" {
		t.Errorf("16 KiB from a service: %s %s", code, message)
	}
	for _, kind := range []string{"application/json; charset=utf-8", "Application/JSON", `application/json;charset="UTF-8"`} {
		if r := b.http(sample("http-api-jwt", headerSet("content-type", kind))); r.StatusCode != 200 {
			t.Errorf("%s: HTTP %d", kind, r.StatusCode)
		}
	}
}

func TestAnswer_AtlasTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.Hang())
		problemAnswer(t, b, failure{code: handler.AtlasTimeout, status: 504})
		plainAnswer(t, b, failure{code: handler.AtlasTimeout, plain: good})
	})
}

// A panic ends one request only. Its value may be any text, so that the log has it
// only if it is an error of the Go runtime.
func TestAnswer_Internal(t *testing.T) {
	t.Parallel()
	var none []any
	for name, row := range map[string]struct {
		panics func()
		want   any // the log line's error; nil for none
	}{
		"a runtime error": {func() { none[0] = 1 }, "runtime error: index out of range [0] with length 0"},
		"another error":   {func() { panic(errors.New(clientSecret)) }, nil},
		"a text":          {func() { panic(clientSecret) }, nil},
	} {
		fails := false
		b := newBroker(t, func(c *handler.Config) {
			// net/http calls Proxy on the caller's goroutine.
			c.Accounts["default"].Atlas.Transport = &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
				if fails {
					row.panics()
				}
				return nil, nil
			}}
		})
		fails = true
		problemAnswer(t, b, failure{code: handler.Internal, status: 500})
		plainAnswer(t, b, failure{code: handler.Internal, plain: good})
		fails = false
		if r := b.http(sample("http-api-jwt")); r.StatusCode != 200 {
			t.Errorf("%s: after the panic: HTTP %d: %s", name, r.StatusCode, r.Body)
		}
		lines := b.lines(panicMessage)
		if len(lines) != 2 || lines[0]["error"] != row.want || strings.Contains(b.log.String(), clientSecret) {
			t.Errorf("%s: the log says %v, want the error %v", name, lines, row.want)
		}
		if stack, _ := lines[0]["stack"].(string); !strings.Contains(stack, "atriptoken/handler") {
			t.Errorf("%s: the stack is %q", name, stack)
		}
	}
}
