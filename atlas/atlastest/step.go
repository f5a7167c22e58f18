package atlastest

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

const (
	jsonType = "application/json"
	htmlType = "text/html; charset=utf-8"
)

// Step is one way to answer a call. Every step but OK and those that wrap it
// answers whatever was sent, without a look at credentials or body. The zero
// Step is OK. A Step may answer any number of calls, at the same time too.
type Step struct {
	name string
	run  func(*exchange)
}

// String names the step in the terms of its constructor.
func (s Step) String() string {
	if s.run == nil {
		return "OK()"
	}
	return s.name
}

func (s Step) play(x *exchange) {
	if s.run == nil {
		judged(x)
		return
	}
	s.run(x)
}

// OK judges the call as the package comment says: success with a working,
// single-use link, or the status that fits what is wrong.
func OK() Step { return Step{"OK()", judged} }

func judged(x *exchange) {
	who, refused := x.server.judge(x.r.Header, x.body)
	if refused != nil {
		x.server.options.Logf("atlastest: getAtripToken.do: status %d, %s", refused.status, refused.msg)
		x.sendJSON(atlasReply{Status: refused.status, Msg: &refused.msg})
		return
	}
	x.server.options.Logf("atlastest: getAtripToken.do: status 0 for order %q, user %q, role %q", who.OrderNo, who.UserName, who.Role)
	x.sendJSON(atlasReply{URL: x.server.link(who), Status: statusSuccess})
}

// Status answers HTTP 200 with an empty url and this status.
func Status(n int) Step {
	return Step{fmt.Sprintf("Status(%d)", n), StatusMessage(n, fmt.Sprintf("status %d", n)).run}
}

// StatusMessage answers HTTP 200 with an empty url, this status and this msg,
// which may hold control characters or lines that look like a log's.
func StatusMessage(n int, msg string) Step {
	return Step{fmt.Sprintf("StatusMessage(%d, %q)", n, msg), func(x *exchange) {
		x.sendJSON(atlasReply{Status: n, Msg: &msg})
	}}
}

// SystemError answers HTTP 200 with status 2.
func SystemError() Step {
	return Step{"SystemError()", StatusMessage(statusSystemError, "system error").run}
}

// Unauthorized answers HTTP 200 with status 3.
func Unauthorized() Step {
	return Step{"Unauthorized()", StatusMessage(statusUnauthorized, "unauthorized access").run}
}

// RateLimited answers as Atlas's rate limiter does, with a body of its own,
// in which retryAfter stands in seconds. httpStatus is the HTTP status: the
// limiter's body comes with 200 too.
func RateLimited(retryAfter, httpStatus int) Step {
	body := encode(struct {
		Code       int    `json:"code"`
		Message    string `json:"message"`
		LimitType  string `json:"limitType"`
		Limit      int    `json:"limit"`
		RetryAfter int    `json:"retryAfter"`
	}{http.StatusTooManyRequests, "too many requests", "QPS", 1, retryAfter})
	return Step{fmt.Sprintf("RateLimited(%d, %d)", retryAfter, httpStatus), HTTPReply(httpStatus, jsonType, string(body)).run}
}

// HTTPStatus answers with this HTTP status and a short text.
func HTTPStatus(code int) Step {
	return Step{fmt.Sprintf("HTTPStatus(%d)", code), HTTPReply(code, "text/plain; charset=utf-8", http.StatusText(code)+"\n").run}
}

// HTTPReply answers with this HTTP status, Content-Type ("" for none) and
// body. code is 200 to 599.
func HTTPReply(code int, contentType, body string) Step {
	return Step{fmt.Sprintf("HTTPReply(%d, %q, %d bytes)", code, contentType, len(body)), func(x *exchange) {
		x.send(reply{code: code, contentType: contentType, body: []byte(body)})
	}}
}

// Redirect answers HTTP 307 with this Location: a client that follows it
// repeats the call there, body, custom headers and all.
func Redirect(to string) Step {
	return Step{fmt.Sprintf("Redirect(%q)", to), RedirectAs(http.StatusTemporaryRedirect, to).run}
}

// RedirectAs answers with this HTTP status, 300 to 399, and this Location.
func RedirectAs(code int, to string) Step {
	return Step{fmt.Sprintf("RedirectAs(%d, %q)", code, to), func(x *exchange) {
		x.send(reply{code: code, contentType: htmlType, location: to, body: []byte("<p>Moved.</p>\n")})
	}}
}

// WithHeader answers as step does, with this header in place of the step's
// own: another Content-Type, a Retry-After.
func WithHeader(name, value string, step Step) Step {
	return Step{fmt.Sprintf("WithHeader(%q, %q, %s)", name, value, step), func(x *exchange) {
		if x.override == nil {
			x.override = http.Header{}
		}
		x.override.Set(name, value)
		step.play(x)
	}}
}

// InTurn answers the first call by the first step, the next by the second and
// so on, beginning anew after the last. It panics without steps.
func InTurn(steps ...Step) Step {
	if len(steps) == 0 {
		panic("atlastest: InTurn needs a step")
	}
	var calls atomic.Uint64
	return Step{fmt.Sprintf("InTurn(%d steps)", len(steps)), func(x *exchange) {
		steps[(calls.Add(1)-1)%uint64(len(steps))].play(x)
	}}
}
