package atlastest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"

	"atriptoken/internal/faultscript"
)

// Step is one way to answer a call. Every step except OK, and those that wrap
// it, answers without a look at the credentials and the body.
type Step = faultscript.Step

// These faults can happen to any HTTP server. OK is no fault: the call is
// checked, and the answer is a link or the status of what is wrong.
var (
	OK            = faultscript.OK
	HTTPReply     = faultscript.HTTPReply
	HTTPStatus    = faultscript.HTTPStatus
	WithHeader    = faultscript.WithHeader
	Delay         = faultscript.Delay
	SlowBody      = faultscript.SlowBody
	Hold          = faultscript.Hold
	Hang          = faultscript.Hang
	HangBody      = faultscript.HangBody
	CutConnection = faultscript.CutConnection
	CutInHeaders  = faultscript.CutInHeaders
	CutInBody     = faultscript.CutInBody
)

// Status answers HTTP 200 with this status and an empty url.
func Status(n int) Step { return StatusMessage(n, fmt.Sprintf("status %d", n)) }

// StatusMessage is Status with this msg.
func StatusMessage(n int, msg string) Step {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { sendReply(w, r, "", n, &msg) }
}

// RateLimited answers as Atlas's rate limiter does: with its own body, in which
// retryAfter is in seconds, under any HTTP status.
func RateLimited(retryAfter, httpStatus int) Step {
	const body = `{"code":429,"message":"too many requests","limitType":"QPS","limit":1,"retryAfter":%d}`
	return HTTPReply(httpStatus, jsonType, fmt.Sprintf(body, retryAfter))
}

// Redirect answers HTTP 307 with this Location: a client that follows it sends
// the headers and the body there again.
func Redirect(to string) Step { return RedirectAs(http.StatusTemporaryRedirect, to) }

// RedirectAs answers with this HTTP status and Location.
func RedirectAs(code int, to string) Step { return WithHeader("Location", to, HTTPStatus(code)) }

// BadURL answers success with this url.
func BadURL(u string) Step {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { sendReply(w, r, u, 0, nil) }
}

// StatusString answers with a JSON string for status, which Atlas documents as
// an integer.
func StatusString(text string) Step {
	return HTTPReply(http.StatusOK, jsonType, fmt.Sprintf(`{"url":"","status":%q}`, text))
}

// These are Atlas's documented failures, and replies that are not as documented.
var (
	SystemError  = always(StatusMessage(2, "system error"))
	Unauthorized = always(StatusMessage(3, "unauthorized access"))
	// MissingURL is success without the member url.
	MissingURL = always(HTTPReply(http.StatusOK, jsonType, `{"status":0,"msg":null}`))
	// Garbage is neither JSON nor UTF-8.
	Garbage = always(HTTPReply(http.StatusOK, jsonType, "{\"url\":\xff\x00 garbage"))
	// HTML is a page, as a proxy sends it.
	HTML = always(HTTPReply(http.StatusOK, "text/html", "<!doctype html><p>We are back soon.</p>\n"))
	// Truncated announces more bytes than it sends.
	Truncated = always(WithHeader("Content-Length", "100", HTTPReply(http.StatusOK, jsonType, `{"url":"`)))
	// NotGzip announces gzip and is plain text.
	NotGzip = always(WithHeader("Content-Encoding", "gzip", HTTPReply(http.StatusOK, jsonType, `{"url":"","status":2}`)))
)

func always(step Step) func() Step { return func() Step { return step } }

// GzipTruncated answers with the first half of a gzip stream.
func GzipTruncated() Step {
	whole := gzipped(replyText("", 2, nil))
	return WithHeader("Content-Encoding", "gzip", HTTPReply(http.StatusOK, jsonType, string(whole[:len(whole)/2])))
}

// Oversized answers with valid JSON of n bytes and status 2.
func Oversized(n int) Step {
	const head, tail = `{"url":"","status":2,"msg":"`, `"}`
	return HTTPReply(http.StatusOK, jsonType, head+strings.Repeat("a", n-len(head+tail))+tail)
}

// GzipBomb answers with n bytes, compressed to about a thousandth, no further than
// the client reads.
func GzipBomb(n int64) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		z, out, piece := gzip.NewWriter(w), http.NewResponseController(w), bytes.Repeat([]byte("a"), 256<<10)
		// Without the flushes, the writer's buffer fills only after megabytes.
		for sent := int64(0); sent < n && z.Flush() == nil && out.Flush() == nil; sent += int64(len(piece)) {
			_, _ = z.Write(piece)
		}
		_ = z.Close()
	}
}
