package atlastest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"atriptoken/atlas/atlastest"
)

func TestStepsAnswerAsTheyAreNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step  atlastest.Step
		code  int    // 0 means 200
		ctype string // "" means application/json
		body  string // the whole body
	}{
		"another status":           {step: atlastest.Status(9999), body: `{"url":"","status":9999,"msg":"status 9999"}`},
		"a negative status":        {step: atlastest.Status(-1), body: `{"url":"","status":-1,"msg":"status -1"}`},
		"control characters":       {step: atlastest.StatusMessage(2, "a\nb\x1b"), body: `{"url":"","status":2,"msg":"a\nb\u001b"}`},
		"system error":             {step: atlastest.SystemError(), body: `{"url":"","status":2,"msg":"system error"}`},
		"unauthorized":             {step: atlastest.Unauthorized(), body: `{"url":"","status":3,"msg":"unauthorized access"}`},
		"rate limit with 429":      {step: atlastest.RateLimited(1, 429), code: 429, body: limited},
		"rate limit with 200":      {step: atlastest.RateLimited(1, 200), body: limited},
		"HTTP status":              {step: atlastest.HTTPStatus(503), code: 503, ctype: "text/plain; charset=utf-8", body: "Service Unavailable\n"},
		"HTTP status without body": {step: atlastest.HTTPStatus(204), code: 204, ctype: "text/plain; charset=utf-8"},
		"any reply":                {step: atlastest.HTTPReply(403, "text/xml", "<denied/>"), code: 403, ctype: "text/xml", body: "<denied/>"},
		"reply without type":       {step: atlastest.HTTPReply(200, "", "{}"), ctype: "none", body: "{}"},
		"page":                     {step: atlastest.HTML(), ctype: "text/html; charset=utf-8", body: "<!doctype html><title>Maintenance</title><p>We are back soon.</p>\n"},
		"wrong type":               {step: atlastest.WithHeader("content-type", "text/plain", atlastest.Status(0)), ctype: "text/plain", body: `{"url":"","status":0,"msg":"status 0"}`},
		"plain http url":           {step: atlastest.BadURL("http://atriptech.com/x"), body: `{"url":"http://atriptech.com/x","status":0,"msg":null}`},
		"url with userinfo":        {step: atlastest.BadURL("https://atriptech.com@evil.example"), body: `{"url":"https://atriptech.com@evil.example","status":0,"msg":null}`},
		"relative url":             {step: atlastest.BadURL("/portal?a=1&b=2"), body: `{"url":"/portal?a=1&b=2","status":0,"msg":null}`},
		"empty url":                {step: atlastest.BadURL(""), body: `{"url":"","status":0,"msg":null}`},
		"missing url":              {step: atlastest.MissingURL(), body: `{"status":0,"msg":null}`},
		"null url":                 {step: atlastest.NullURL(), body: `{"url":null,"status":0,"msg":null}`},
		"status as a string":       {step: atlastest.StatusString("0"), body: `{"url":"","status":"0"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, nil)
			server.Script(test.step)
			// Wrong credentials and body: a scripted answer looks at neither.
			answer, body := do(t, server, newRequest(t, server, "", header("X-Atlas-Client-Id", "")))
			code, ctype := max(test.code, 200), test.ctype
			if ctype == "" {
				ctype = "application/json"
			}
			got := answer.Header.Get("Content-Type")
			if got == "" {
				got = "none"
			}
			if answer.StatusCode != code || got != ctype || body != test.body {
				t.Errorf("HTTP %d %q\n%s\nwant %d %q\n%s", answer.StatusCode, got, body, code, ctype, test.body)
			}
		})
	}
}

const limited = `{"code":429,"message":"too many requests","limitType":"QPS","limit":1,"retryAfter":1}`

func TestGarbageIsNeitherJSONNorUTF8(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.Garbage())
	if _, body := do(t, server, newRequest(t, server, validBody)); json.Valid([]byte(body)) || utf8.ValidString(body) {
		t.Errorf("body %q", body)
	}
}

func TestRedirectsSendTheCallElsewhere(t *testing.T) {
	t.Parallel()
	target := start(t, nil)
	for name, test := range map[string]struct {
		step    atlastest.Step
		code    int
		follows int // calls that arrive at the target from a client that follows
	}{
		"307 repeats the call": {atlastest.Redirect(target.URL + "/getAtripToken.do"), 307, 1},
		"303 does not":         {atlastest.RedirectAs(303, target.URL+"/elsewhere"), 303, 1},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, nil)
			server.Always(test.step)
			careful := *server.Client()
			careful.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			answer, err := careful.Do(newRequest(t, server, validBody))
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != test.code || !strings.HasPrefix(answer.Header.Get("Location"), target.URL) {
				t.Errorf("HTTP %d to %q", answer.StatusCode, answer.Header.Get("Location"))
			}
			before := len(target.Requests())
			do(t, server, newRequest(t, server, validBody))
			calls := target.Requests()
			if len(calls)-before != test.follows {
				t.Fatalf("%d calls arrived at the target, want %d", len(calls)-before, test.follows)
			}
			// The trap that this step is for: net/http takes the secret along.
			if last := calls[len(calls)-1]; last.Header.Get("X-Atlas-Client-Secret") == "" {
				t.Error("a client that follows did not leak the secret; the step proves nothing")
			}
		})
	}
}

func TestScriptedStepsComeFirstThenAlwaysThenOK(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Always(atlastest.Status(900))
	server.Script(atlastest.Status(1), atlastest.OK())
	server.Script(atlastest.Step{})
	var got []int
	next := func() { got = append(got, *call(t, server, validBody).Status) }
	next()
	if server.Remaining() != 2 {
		t.Errorf("%d steps remain, want 2", server.Remaining())
	}
	for range 4 {
		next()
	}
	server.Script(atlastest.Status(5))
	server.Clear()
	next()
	if want := []int{1, 0, 0, 900, 900, 0}; !equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
}

func TestCallsOfOtherPathsAndMethodsUseNoStep(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.Status(5))
	for _, edit := range []func(*http.Request){
		func(r *http.Request) { r.Method = http.MethodGet },
		func(r *http.Request) { r.URL.Path = "/other" },
	} {
		do(t, server, newRequest(t, server, validBody, edit))
	}
	if server.Remaining() != 1 {
		t.Error("a call that is not getAtripToken.do used a step up")
	}
}

func TestInTurnBeginsAnew(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Always(atlastest.InTurn(atlastest.SystemError(), atlastest.OK(), atlastest.Unauthorized()))
	var got []int
	for range 5 {
		got = append(got, *call(t, server, validBody).Status)
	}
	if want := []int{2, 0, 3, 2, 0}; !equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("InTurn without steps did not panic")
		}
	}()
	atlastest.InTurn()
}

func equal(a, b []int) bool { return sprintf("%v", a) == sprintf("%v", b) }

func TestStepsNameThemselves(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	for want, step := range map[string]atlastest.Step{
		"OK()":                              {},
		"RateLimited(1, 200)":               atlastest.RateLimited(1, 200),
		`WithHeader("A", "b", Status(2))`:   atlastest.WithHeader("A", "b", atlastest.Status(2)),
		"Delay(1s, HTTPStatus(500))":        atlastest.Delay(1e9, atlastest.HTTPStatus(500)),
		"HoldBody(OK())":                    atlastest.HoldBody(release, atlastest.OK()),
		"InTurn(2 steps)":                   atlastest.InTurn(atlastest.OK(), atlastest.OK()),
		`HTTPReply(200, "text/a", 3 bytes)`: atlastest.HTTPReply(200, "text/a", "abc"),
	} {
		if step.String() != want {
			t.Errorf("%s, want %s", step, want)
		}
	}
}
