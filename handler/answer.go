package handler

import (
	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
)

// encodeReply encodes a success, as Atlas sent it. Only here and in connect.go
// does the url leave the process.
func encodeReply(reply atlas.Reply) []byte {
	text, _ := json.Marshal(struct { // strings from a JSON decoder can be encoded
		URL    string  `json:"url"`
		Status int     `json:"status"`
		Msg    *string `json:"msg"`
	}{reply.URL.Reveal(), reply.Status, reply.Msg})
	return text
}

// baseHeaders returns the headers of every HTTP answer. A success is a bearer
// token, which nothing on the way may cache.
func baseHeaders(contentType string) map[string]string {
	return map[string]string{"Content-Type": contentType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
}

// problem returns a fault as an RFC 9457 problem document.
func problem(f fault, requestID string) (status int, header map[string]string, body []byte) {
	row := codes[f.code]
	body, _ = json.Marshal(struct {
		Type     string       `json:"type"`
		Title    string       `json:"title"`
		Status   int          `json:"status"`
		Detail   string       `json:"detail"`
		Instance string       `json:"instance"`
		Code     Code         `json:"code"`
		Errors   []fieldError `json:"errors,omitempty"`
	}{"urn:atriptoken:problem:" + string(f.code), row.title, row.status, f.detail, requestID, f.code, f.fields})
	header = baseHeaders("application/problem+json")
	if f.allow != "" {
		header["Allow"] = f.allow
	}
	if f.retryAfter > 0 {
		header["Retry-After"] = seconds(f.retryAfter)
	}
	return row.status, header, body
}
