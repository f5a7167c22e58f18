package atlastest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// exchange is one call on its way through a Step.
type exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	body   []byte // of the request

	override   http.Header // wins over the headers of the reply
	beforeBody func()      // runs when the reply's headers are out
}

// atlasReply is the body of a reply, with members in the order that the
// OpenAPI document has them.
type atlasReply struct {
	URL    string  `json:"url"`
	Status int     `json:"status"`
	Msg    *string `json:"msg"`
}

// encode returns v, which holds strings and numbers, as JSON.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("atlastest: a reply cannot be encoded: " + err.Error())
	}
	return text
}

// reply is what goes over the wire.
type reply struct {
	code        int                   // HTTP status
	contentType string                // "" for none
	location    string                // "" for none
	encoding    string                // Content-Encoding of a body that is encoded already; "" for none
	identity    bool                  // not compressed, whatever the caller accepts
	body        []byte                // sent with its Content-Length
	stream      func(io.Writer) error // instead of body: sent in chunks
	cutAfter    int                   // if over 0: only so many bytes of body, then the connection ends
}

// send writes the reply, compressed when the caller accepts gzip and nothing
// speaks against it.
func (x *exchange) send(p reply) {
	body, encoding := p.body, p.encoding
	if p.encoding == "" && !p.identity && p.stream == nil && acceptsGzip(x.r.Header) {
		body, encoding = compress(p.body), "gzip"
	}
	header := x.w.Header()
	for name, value := range map[string]string{"Content-Type": p.contentType, "Location": p.location, "Content-Encoding": encoding} {
		if value != "" {
			header.Set(name, value)
		}
	}
	if p.contentType == "" {
		header["Content-Type"] = nil // otherwise net/http guesses one
	}
	for name, values := range x.override {
		header[name] = values
	}
	if p.stream == nil && bodyAllowed(p.code) {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	x.w.WriteHeader(p.code)
	if x.beforeBody != nil {
		x.flush()
		x.beforeBody()
	}
	if p.stream != nil {
		_ = p.stream(x.w) // an error means that the client has had enough
		return
	}
	if p.cutAfter > 0 {
		_, _ = x.w.Write(body[:p.cutAfter])
		x.flush()
		panic(http.ErrAbortHandler)
	}
	if bodyAllowed(p.code) {
		_, _ = x.w.Write(body)
	}
}

// sendJSON answers 200 with v as Atlas would.
func (x *exchange) sendJSON(v any) {
	x.send(reply{code: http.StatusOK, contentType: jsonType, body: encode(v)})
}

func (x *exchange) flush() { _ = http.NewResponseController(x.w).Flush() }

// wait returns when ready is closed or sends. When the client goes away or
// the server closes first, it ends the call without an answer.
func wait[T any](x *exchange, ready <-chan T) {
	select {
	case <-ready:
	case <-x.r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-x.server.closing:
		panic(http.ErrAbortHandler)
	}
}

func bodyAllowed(code int) bool {
	return code >= 200 && code != http.StatusNoContent && code != http.StatusNotModified
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(body) // a bytes.Buffer takes everything
	_ = z.Close()
	return out.Bytes()
}
