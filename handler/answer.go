package handler

import (
	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
)

// encodeReply is a success: Atlas's own answer. It is the one place where the
// url leaves the process.
func encodeReply(reply atlas.Reply) []byte {
	return encoded(json.Marshal(struct {
		URL    string  `json:"url"`
		Status int     `json:"status"`
		Msg    *string `json:"msg"`
	}{reply.URL.Reveal(), reply.Status, reply.Msg}))
}

// encoded returns what an encoder made of strings that came out of a decoder,
// which it never refuses.
func encoded(text []byte, err error) []byte {
	if err != nil {
		panic("encoding an answer")
	}
	return text
}

// headers are those of an HTTP answer; an empty one is left out.
type headers = headersOf[string]

// headersOf has one value, or a list of values, for each header.
type headersOf[V string | []string] struct {
	Allow              V `json:"Allow,omitempty"`
	CacheControl       V `json:"Cache-Control"`
	ContentType        V `json:"Content-Type"`
	RetryAfter         V `json:"Retry-After,omitempty"`
	ContentTypeOptions V `json:"X-Content-Type-Options"`
}

// baseHeaders are on every HTTP answer. The answer of a success is a bearer
// token; nothing between here and the frontend may keep it.
func baseHeaders(contentType string) headers {
	return headers{ContentType: contentType, CacheControl: "no-store", ContentTypeOptions: "nosniff"}
}

// problem is a fault as an RFC 9457 problem document.
func problem(f fault, requestID string) (status int, h headers, body []byte) {
	row := codes[f.code]
	text := encoded(json.Marshal(struct {
		Type     string       `json:"type"`
		Title    string       `json:"title"`
		Status   int          `json:"status"`
		Detail   string       `json:"detail"`
		Instance string       `json:"instance"`
		Code     Code         `json:"code"`
		Errors   []fieldError `json:"errors,omitempty"`
	}{"urn:atriptoken:problem:" + string(f.code), row.title, row.status, f.detail, requestID, f.code, f.fields}))
	h = baseHeaders("application/problem+json")
	h.Allow = f.allow
	if f.retryAfter > 0 {
		h.RetryAfter = seconds(f.retryAfter)
	}
	return row.status, h, text
}
