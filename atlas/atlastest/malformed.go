package atlastest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Garbage answers HTTP 200 with a JSON Content-Type and bytes that are no
// JSON and no UTF-8.
func Garbage() Step {
	return Step{"Garbage()", HTTPReply(http.StatusOK, jsonType, "{\"url\":\xff\x00 garbage").run}
}

// HTML answers HTTP 200 with a page, as a proxy or a maintenance sign does.
func HTML() Step {
	return Step{"HTML()", HTTPReply(http.StatusOK, htmlType, "<!doctype html><title>Maintenance</title><p>We are back soon.</p>\n").run}
}

// BadURL answers success with this url: of another scheme or host, with user
// information, relative, empty. It is sent as it is.
func BadURL(u string) Step {
	return Step{fmt.Sprintf("BadURL(%q)", u), func(x *exchange) {
		x.sendJSON(atlasReply{URL: u, Status: statusSuccess})
	}}
}

// MissingURL answers success without the member url.
func MissingURL() Step {
	return Step{"MissingURL()", HTTPReply(http.StatusOK, jsonType, `{"status":0,"msg":null}`).run}
}

// NullURL answers success with null for url.
func NullURL() Step {
	return Step{"NullURL()", HTTPReply(http.StatusOK, jsonType, `{"url":null,"status":0,"msg":null}`).run}
}

// StatusString answers with this text as a JSON string for status, where
// Atlas documents an integer.
func StatusString(text string) Step {
	body := encode(struct {
		URL    string `json:"url"`
		Status string `json:"status"`
	}{"", text})
	return Step{fmt.Sprintf("StatusString(%q)", text), HTTPReply(http.StatusOK, jsonType, string(body)).run}
}

// Truncated answers with a Content-Length and half as much body, then closes
// the connection.
func Truncated() Step {
	return Step{"Truncated()", func(x *exchange) {
		body := encode(atlasReply{Status: statusSystemError})
		x.send(reply{code: http.StatusOK, contentType: jsonType, identity: true, body: body, cutAfter: len(body) / 2})
	}}
}

// GzipTruncated answers with a complete HTTP body that is the first half of a
// gzip stream.
func GzipTruncated() Step {
	return Step{"GzipTruncated()", func(x *exchange) {
		whole := compress(encode(atlasReply{Status: statusSystemError}))
		x.send(reply{code: http.StatusOK, contentType: jsonType, encoding: "gzip", body: whole[:len(whole)/2]})
	}}
}

// NotGzip answers with Content-Encoding gzip and a body that is not.
func NotGzip() Step {
	return Step{"NotGzip()", func(x *exchange) {
		x.send(reply{code: http.StatusOK, contentType: jsonType, encoding: "gzip", body: encode(atlasReply{Status: statusSystemError})})
	}}
}

// Oversized answers with valid JSON of n bytes, not compressed and in chunks.
// Its status is 2. n below 64 means 64.
func Oversized(n int64) Step {
	return Step{fmt.Sprintf("Oversized(%d)", n), func(x *exchange) {
		x.send(reply{code: http.StatusOK, contentType: jsonType, stream: func(w io.Writer) error {
			_, err := io.Copy(w, filled(n))
			return err
		}})
	}}
}

// GzipBomb answers with valid JSON of n bytes that gzip makes about a
// thousand times smaller. Its status is 2. n below 64 means 64. It is
// compressed while it is sent, and no further than the client reads.
func GzipBomb(n int64) Step {
	return Step{fmt.Sprintf("GzipBomb(%d)", n), func(x *exchange) {
		x.send(reply{code: http.StatusOK, contentType: jsonType, encoding: "gzip", stream: func(w io.Writer) error {
			z, body := gzip.NewWriter(w), filled(n)
			// The beginning goes out at once: compressed so well, a writer's
			// buffer fills only after megabytes, for which a slow machine takes
			// longer than a caller waits.
			for _, part := range []io.Reader{io.LimitReader(body, 256<<10), body} {
				if _, err := io.Copy(z, part); err != nil {
					return err
				}
				if err := z.Flush(); err != nil {
					return err
				}
				x.flush()
			}
			return z.Close()
		}})
	}}
}

// filled returns a reply of n bytes, at least 64.
func filled(n int64) io.Reader {
	const head, tail = `{"url":"","status":2,"msg":"`, `"}`
	n = max(n, 64) - int64(len(head)+len(tail))
	return io.MultiReader(strings.NewReader(head), io.LimitReader(letters{}, n), strings.NewReader(tail))
}

// letters reads as endless a.
type letters struct{}

var someLetters = bytes.Repeat([]byte("a"), 4<<10)

func (letters) Read(p []byte) (int, error) { return copy(p, someLetters), nil }
