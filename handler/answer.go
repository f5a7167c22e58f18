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

// baseHeaders returns the headers of every HTTP answer. A success is a bearer
// token, which nothing on the way may cache.
func baseHeaders(contentType string) map[string]string {
	return map[string]string{"Content-Type": contentType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
}

// problem is a fault as an RFC 9457 problem document.
func problem(f fault, requestID string) (status int, h map[string]string, body []byte) {
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
	if f.allow != "" {
		h["Allow"] = f.allow
	}
	if f.retryAfter > 0 {
		h["Retry-After"] = seconds(f.retryAfter)
	}
	return row.status, h, text
}
