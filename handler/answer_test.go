package handler_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/secret"
)

// answers checks one row of the contract's table through both contracts: as an
// HTTP problem and as a function error.
func answers(t *testing.T, b *broker, event []byte, code handler.Code, status int) response {
	t.Helper()
	r := b.http(event)
	p := r.problem(t)
	if r.StatusCode != status || p.Status != status || p.Code != string(code) {
		t.Errorf("HTTP %d, status %d, code %q; want %d and %q", r.StatusCode, p.Status, p.Code, status, code)
	}
	if p.Type != "urn:atriptoken:problem:"+string(code) || p.Title == "" || p.Detail == "" {
		t.Errorf("the problem is not complete: %+v", p)
	}
	if p.Instance != "c0ffee00-0000-4000-8000-000000000001" {
		t.Errorf("instance = %q, want the request id", p.Instance)
	}
	if r.IsBase64Encoded {
		t.Error("the body says that it is base64")
	}
	for name, want := range map[string]string{
		"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if r.Headers[name] != want {
			t.Errorf("%s: %q, want %q", name, r.Headers[name], want)
		}
	}
	_, allow := r.Headers["Allow"]
	_, wait := r.Headers["Retry-After"]
	if allow != (code == handler.MethodNotAllowed) || wait != (status == 429 || status == 503) || len(r.Headers) > 4 {
		t.Errorf("the headers of %s are %v", code, r.Headers)
	}
	if got := b.audit()["outcome"]; got != string(code) {
		t.Errorf("the audit line's outcome is %v, want %s", got, code)
	}
	return r
}

// plainAnswers checks the same row for a plain invocation.
func plainAnswers(t *testing.T, b *broker, event string, code handler.Code) string {
	t.Helper()
	_, got, message := b.plain(event)
	if got != string(code) {
		t.Errorf("errorType = %q, want %q", got, code)
	}
	if !strings.HasSuffix(message, "(request c0ffee00-0000-4000-8000-000000000001)") {
		t.Errorf("errorMessage %q does not end with the request id", message)
	}
	return message
}

func retryAfter(t *testing.T, r response, want int) {
	t.Helper()
	if got := r.Headers["Retry-After"]; got != strconv.Itoa(want) {
		t.Errorf("Retry-After: %q, want %d", got, want)
	}
}

func TestAnswer_Success(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	r := b.http(sample(t, "http-api-jwt"))
	if r.StatusCode != 200 || r.IsBase64Encoded {
		t.Fatalf("HTTP %d: %s", r.StatusCode, r.Body)
	}
	if diff := cmp.Diff(map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	}, r.Headers); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(r.Body, `{"url":"`+b.atlas.URL) || !strings.Contains(r.Body, `","status":0,"msg":`) {
		t.Errorf("the body is not Atlas's: %s", r.Body)
	}
	out, code, _ := b.plain(good)
	if code != "OK" || !strings.HasPrefix(string(out), `{"url":"`+b.atlas.URL) {
		t.Errorf("the plain answer is %s, %s", code, out)
	}
	for i, call := range b.atlas.Requests() {
		if call.Body != good {
			t.Errorf("call %d asked Atlas for %s, want %s", i, call.Body, good)
		}
	}
}

func TestAnswer_InvalidRequest(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	const bad = `{"orderNo":"","userName":7,"roel":"Admin"}`
	p := answers(t, b, sample(t, "http-api-jwt", body(bad)), handler.InvalidRequest, 400).problem(t)
	var pointers []string
	for _, e := range p.Errors {
		pointers = append(pointers, e.Pointer)
		if e.Detail == "" {
			t.Errorf("%s has no detail", e.Pointer)
		}
	}
	slices.Sort(pointers)
	if diff := cmp.Diff([]string{"/orderNo", "/roel", "/role", "/userName"}, pointers); diff != "" {
		t.Errorf("not every bad field is named: %s", diff)
	}
	message := plainAnswers(t, b, bad, handler.InvalidRequest)
	for _, pointer := range pointers {
		if !strings.Contains(message, pointer+" ") {
			t.Errorf("the function error %q does not name %s", message, pointer)
		}
	}
	if n := len(b.atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times", n)
	}
}

func TestAnswer_NotPermitted(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for name, event := range map[string][]byte{
		"another role":  sample(t, "http-api-jwt", body(strings.Replace(good, "Customer service", "Admin", 1))),
		"another name":  sample(t, "http-api-jwt", body(strings.Replace(good, "amelia", "oskar", 1))),
		"no identity":   sample(t, "http-api-jwt", set(absent{}, "requestContext", "authorizer")),
		"no name claim": sample(t, "http-api-jwt", claim("email", absent{})),
	} {
		r := answers(t, b, event, handler.NotPermitted, 403)
		if strings.Contains(r.Body, "atrip-") || strings.Contains(r.Body, "operator-as-themselves") {
			t.Errorf("%s: the answer tells the rules: %s", name, r.Body)
		}
	}
	if n := len(b.atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times", n)
	}
	b = newBroker(t, withPolicy(policyText(t, "none.cedar", `forbid(principal is Service, action, resource);`)))
	if message := plainAnswers(t, b, good, handler.NotPermitted); !strings.Contains(message, "with this user name and role") {
		t.Errorf("a service is told %q", message)
	}
	own := newBroker(t).http(sample(t, "http-api-jwt", body(strings.Replace(good, "Customer service", "Admin", 1)))).problem(t).Detail
	if !strings.Contains(own, "with this user name and role") {
		t.Errorf("an operator under their own name is told %q", own)
	}
}

// SAM's local gateway runs no authorizer; local.cedar is for it alone.
func TestAnonymous_MayBePermittedUnderSAMLocal(t *testing.T) {
	t.Parallel()
	event := sample(t, "http-api-jwt", set(absent{}, "requestContext", "authorizer"))
	local := withPolicy(policyFile(t, "local.cedar"))
	if got := newBroker(t, local, func(c *handler.Config) { c.AllowAnonymous = true }).http(event).code(t); got != "OK" {
		t.Errorf("under SAM: %s", got)
	}
	if got := newBroker(t, local).http(event).code(t); got != "NotPermitted" {
		t.Errorf("elsewhere: %s", got)
	}
}

func TestAnswer_NotFound(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	answers(t, b, sample(t, "http-api-jwt", set("/other", "rawPath")), handler.NotFound, 404)
}

func TestAnswer_MethodNotAllowed(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "post", ""} {
		r := answers(t, b, sample(t, "http-api-jwt", set(method, "requestContext", "http", "method")), handler.MethodNotAllowed, 405)
		if r.Headers["Allow"] != "POST" {
			t.Errorf("Allow: %q", r.Headers["Allow"])
		}
	}
}

func TestAnswer_BodyTooLarge(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	large := good + strings.Repeat(" ", 16<<10+1-len(good))
	answers(t, b, sample(t, "http-api-jwt", body(large)), handler.BodyTooLarge, 413)
	plainAnswers(t, b, large, handler.BodyTooLarge)
	if r := b.http(sample(t, "http-api-jwt", body(large[:16<<10]))); r.StatusCode != 200 {
		t.Errorf("16 KiB to the byte: HTTP %d: %s", r.StatusCode, r.Body)
	}
	if _, code, message := b.plain(large[:16<<10]); code != "OK" {
		t.Errorf("16 KiB to the byte from a service: %s %s", code, message)
	}
}

func TestAnswer_UnsupportedMediaType(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for _, event := range [][]byte{
		sample(t, "http-api-jwt", headerSet("content-type", "text/plain")),
		sample(t, "http-api-jwt", headerSet("content-type", absent{})),
		sample(t, "http-api-jwt", headerSet("content-type", "application/json; charset")),
		sample(t, "http-api-jwt", headerSet("content-type", "application/json,application/json")),
		sample(t, "http-api-jwt", headerSet("Content-Type", "application/json")), // and content-type, as the sample has it
		sample(t, "http-api-jwt", headerSet("content-encoding", "gzip")),
	} {
		answers(t, b, event, handler.UnsupportedMediaType, 415)
	}
	for _, kind := range []string{"application/json; charset=utf-8", "Application/JSON", `application/json;charset="UTF-8"`} {
		if r := b.http(sample(t, "http-api-jwt", headerSet("content-type", kind))); r.StatusCode != 200 {
			t.Errorf("%s: HTTP %d", kind, r.StatusCode)
		}
	}
}

func TestAnswer_AtlasRateLimited(t *testing.T) {
	t.Parallel()
	// A wait that does not fit into the time that is left.
	for _, httpStatus := range []int{200, 429} {
		b := newBroker(t)
		b.atlas.Always(atlastest.RateLimited(61, httpStatus))
		retryAfter(t, answers(t, b, sample(t, "http-api-jwt"), handler.AtlasRateLimited, 429), 61)
		if message := plainAnswers(t, b, good, handler.AtlasRateLimited); !strings.Contains(message, "Try again in 61 s.") {
			t.Errorf("the function error %q does not tell the wait", message)
		}
	}
}

func TestAnswer_AtlasFailed(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{
		"status 2":         atlastest.SystemError(),
		"status 9999":      atlastest.Status(9999),
		"status -1":        atlastest.Status(-1),
		"unknown status":   atlastest.Status(100),
		"HTTP 500":         atlastest.HTTPStatus(500),
		"HTTP 404":         atlastest.HTTPStatus(404),
		"redirect":         atlastest.Redirect("https://evil.example/"),
		"garbage":          atlastest.Garbage(),
		"a page":           atlastest.HTML(),
		"cut short":        atlastest.Truncated(),
		"oversized":        atlastest.Oversized(70 << 10),
		"a gzip bomb":      atlastest.GzipBomb(8 << 20),
		"a bad url":        atlastest.BadURL("https://evil.example/?token=x"),
		"a url not https":  atlastest.BadURL("javascript:alert(1)"),
		"success, no url":  atlastest.MissingURL(),
		"status as string": atlastest.StatusString("0"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			b.atlas.Always(step)
			if r := answers(t, b, sample(t, "http-api-jwt"), handler.AtlasFailed, 502); strings.Contains(r.Body, "evil") {
				t.Errorf("the answer quotes Atlas: %s", r.Body)
			}
			plainAnswers(t, b, good, handler.AtlasFailed)
		})
	}
}

func TestAnswer_AtlasRefused(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{
		"status 3": atlastest.Unauthorized(), "status 900": atlastest.Status(900), "status 902": atlastest.Status(902),
		"HTTP 401": atlastest.HTTPStatus(401), "HTTP 403": atlastest.HTTPStatus(403),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, func(c *handler.Config) { c.Account.Secret.Pause = time.Millisecond })
			b.atlas.Always(step)
			answers(t, b, sample(t, "http-api-jwt"), handler.AtlasRefused, 502)
			plainAnswers(t, b, good, handler.AtlasRefused)
		})
	}
}

func TestAnswer_SecretUnavailable(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) {
		c.Account.Secret.Pause = 10 * time.Second
		c.Account.Secret.Fetch = func(context.Context, string) (secret.Credentials, error) {
			return secret.Credentials{}, &secret.Error{Reason: secret.Denied}
		}
	})
	retryAfter(t, answers(t, b, sample(t, "http-api-jwt"), handler.SecretUnavailable, 503), 1)
	plainAnswers(t, b, good, handler.SecretUnavailable)
	if n := len(b.atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times without credentials", n)
	}
}

func TestAnswer_AtlasUnavailable(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.atlas.Close()
	retryAfter(t, answers(t, b, sample(t, "http-api-jwt"), handler.AtlasUnavailable, 503), 5)
	plainAnswers(t, b, good, handler.AtlasUnavailable)
}

func TestAnswer_AtlasTimeout(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) { c.AttemptTimeout = 100 * time.Millisecond })
	b.atlas.Always(atlastest.Delay(time.Hour, atlastest.OK()))
	answers(t, b, sample(t, "http-api-jwt"), handler.AtlasTimeout, 504)
	plainAnswers(t, b, good, handler.AtlasTimeout)
}

func TestAnswer_Internal(t *testing.T) {
	t.Parallel()
	var panics bool
	b := newBroker(t, func(c *handler.Config) {
		// net/http asks for the proxy on the caller's goroutine.
		c.Account.Atlas.Transport = &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
			if panics {
				panic("the secret is " + clientSecret)
			}
			return nil, nil
		}}
	})
	panics = true
	answers(t, b, sample(t, "http-api-jwt"), handler.Internal, 500)
	plainAnswers(t, b, good, handler.Internal)
	panics = false
	if r := b.http(sample(t, "http-api-jwt")); r.StatusCode != 200 {
		t.Errorf("after the panic: HTTP %d: %s", r.StatusCode, r.Body)
	}
	if strings.Contains(b.log.String(), clientSecret) {
		t.Error("the log holds the panic's value")
	}
	if line := b.log.lines(t, "a request panicked; the process goes on"); len(line) != 2 || !strings.Contains(line[0]["stack"].(string), "handler") {
		t.Errorf("the panic is not logged with its stack: %v", line)
	}
}

// Every code has a row of its own in the table; each test above names one.
func TestCodes_AreTheContract(t *testing.T) {
	t.Parallel()
	want := map[handler.Code]int{
		"InvalidRequest": 400, "NotPermitted": 403, "NotFound": 404, "MethodNotAllowed": 405, "BodyTooLarge": 413,
		"UnsupportedMediaType": 415, "AtlasRateLimited": 429, "AtlasFailed": 502, "AtlasRefused": 502,
		"SecretUnavailable": 503, "AtlasUnavailable": 503, "AtlasTimeout": 504, "Internal": 500,
	}
	if diff := cmp.Diff(want, handler.Codes()); diff != "" {
		t.Error(diff)
	}
	for code, status := range handler.Codes() {
		if http.StatusText(status) == "" {
			t.Errorf("%s: %d is no HTTP status", code, status)
		}
	}
}
