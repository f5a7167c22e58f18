package atlastest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
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

// SystemError answers status 2.
func SystemError() Step { return StatusMessage(2, "system error") }

// Unauthorized answers status 3.
func Unauthorized() Step { return StatusMessage(3, "unauthorized access") }

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

// MissingURL answers success without the member url.
func MissingURL() Step { return HTTPReply(http.StatusOK, jsonType, `{"status":0,"msg":null}`) }

// StatusString answers with a JSON string for status, which Atlas documents as
// an integer.
func StatusString(text string) Step {
	return HTTPReply(http.StatusOK, jsonType, fmt.Sprintf(`{"url":"","status":%q}`, text))
}

// Garbage answers HTTP 200 with bytes that are neither JSON nor UTF-8.
func Garbage() Step { return HTTPReply(http.StatusOK, jsonType, "{\"url\":\xff\x00 garbage") }

// HTML answers HTTP 200 with a page, as a proxy does.
func HTML() Step {
	return HTTPReply(http.StatusOK, "text/html", "<!doctype html><p>We are back soon.</p>\n")
}

// Truncated announces more bytes than it sends before it closes the connection.
func Truncated() Step {
	return WithHeader("Content-Length", "100", HTTPReply(http.StatusOK, jsonType, `{"url":"`))
}

// GzipTruncated answers with the first half of a gzip stream.
func GzipTruncated() Step {
	var whole bytes.Buffer
	compressed(&whole, func(z io.Writer) { _, _ = z.Write(replyText("", 2, nil)) })
	half := whole.String()[:whole.Len()/2]
	return WithHeader("Content-Encoding", "gzip", HTTPReply(http.StatusOK, jsonType, half))
}

// NotGzip announces gzip and sends plain text.
func NotGzip() Step {
	return WithHeader("Content-Encoding", "gzip", HTTPReply(http.StatusOK, jsonType, `{"url":"","status":2}`))
}

// Oversized answers with valid JSON of n bytes and status 2.
func Oversized(n int64) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.Copy(w, filled(n))
	}
}

// GzipBomb is Oversized compressed to about a thousandth, no further than the
// client reads.
func GzipBomb(n int64) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		z, body, out := gzip.NewWriter(w), filled(n), http.NewResponseController(w)
		// Without the flushes, the writer's buffer fills only after megabytes.
		for more := true; more && out.Flush() == nil; {
			_, err := io.CopyN(z, body, 256<<10)
			more = err == nil && z.Flush() == nil
		}
		_ = z.Close()
	}
}

// filled returns a reply of n bytes.
func filled(n int64) io.Reader {
	const head, tail = `{"url":"","status":2,"msg":"`, `"}`
	return io.MultiReader(strings.NewReader(head), io.LimitReader(letters{}, n-int64(len(head)+len(tail))), strings.NewReader(tail))
}

// letters reads as endless a.
type letters struct{}

var someLetters = bytes.Repeat([]byte("a"), 32<<10)

func (letters) Read(p []byte) (int, error) { return copy(p, someLetters), nil }
