package atlastest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

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

const jsonType = "application/json"

// JSON answers HTTP 200 with this body.
func JSON(body string) Step { return HTTPReply(http.StatusOK, jsonType, body) }

// Status answers HTTP 200 with this status and an empty url.
func Status(n int) Step { return StatusMessage(n, fmt.Sprintf("status %d", n)) }

// StatusMessage is Status with this msg.
func StatusMessage(n int, msg string) Step { return reply("", n, &msg) }

// BadURL answers success with this url.
func BadURL(u string) Step { return reply(u, 0, nil) }

// reply answers as Atlas does, with gzip if the client accepts that.
func reply(url string, status int, msg *string) Step {
	body, err := json.Marshal(struct {
		URL    string  `json:"url"`
		Status int     `json:"status"`
		Msg    *string `json:"msg"`
	}{url, status, msg})
	if err != nil {
		panic("atlastest: a reply cannot be encoded: " + err.Error())
	}
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		text := body
		w.Header().Set("Content-Type", jsonType)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			text = gzipped(body)
		}
		_, _ = w.Write(text)
	}
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
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

// These are Atlas's documented failures, and replies that are not as documented.
var (
	SystemError  = always(StatusMessage(2, "system error"))
	Unauthorized = always(StatusMessage(3, "unauthorized access"))
	// Garbage is neither JSON nor UTF-8.
	Garbage = always(JSON("{\"url\":\xff\x00 garbage"))
	// HTML is a page, as a proxy sends it.
	HTML = always(HTTPReply(http.StatusOK, "text/html", "<!doctype html><p>We are back soon.</p>\n"))
	// Truncated announces more bytes than it sends.
	Truncated = always(WithHeader("Content-Length", "100", JSON(`{"url":"`)))
	// NotGzip announces gzip and is plain text.
	NotGzip = always(WithHeader("Content-Encoding", "gzip", JSON(`{"url":"","status":2}`)))
)

func always(step Step) func() Step { return func() Step { return step } }

// GzipTruncated answers with the first half of a gzip stream.
func GzipTruncated() Step {
	whole := gzipped([]byte(`{"url":"","status":2}`))
	return WithHeader("Content-Encoding", "gzip", JSON(string(whole[:len(whole)/2])))
}

// Oversized answers with valid JSON of n bytes and status 2.
func Oversized(n int) Step {
	const head, tail = `{"url":"","status":2,"msg":"`, `"}`
	return JSON(head + strings.Repeat("a", n-len(head+tail)) + tail)
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
