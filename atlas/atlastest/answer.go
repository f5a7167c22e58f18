package atlastest

import (
	"bytes"
	"compress/gzip"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// visit is the body of a call: an operator, in a role, at an order.
type visit struct {
	OrderNo  string `json:"orderNo"`
	UserName string `json:"userName"`
	Role     string `json:"role"`
}

// answer checks a call and replies with a link or with the status of the first
// fault. Atlas's document has the statuses 0, 2 and 3; that 100 and 901, known
// from its other calls, are also used here is an assumption.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	var who visit
	refuse := func(status int, msg string) {
		s.logf("status %d, %s", status, msg)
		sendReply(w, r, "", status, &msg)
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case !strings.Contains(r.Header.Get("Accept"), jsonType):
		refuse(901, "illegal request: Accept does not list application/json")
	case mediaType != jsonType:
		refuse(901, "illegal request: Content-Type is not application/json")
	case !acceptsGzip(r):
		refuse(901, "illegal request: Accept-Encoding does not list gzip")
	case !s.accepts(r.Header):
		refuse(3, "unauthorized access")
	case json.Unmarshal(body, &who, json.RejectUnknownMembers(true)) != nil:
		refuse(901, "illegal request: the body is not one JSON object with the strings orderNo, userName and role")
	case who.OrderNo == "" || who.UserName == "" || who.Role == "":
		refuse(100, "missing data: orderNo, userName and role are required")
	case !slices.Contains(s.options.Roles, who.Role):
		refuse(901, "illegal request: unknown role")
	default:
		s.logf("status 0 for order %q, user %q, role %q", who.OrderNo, who.UserName, who.Role)
		sendReply(w, r, s.link(who), 0, nil)
	}
}

func (s *Server) accepts(header http.Header) bool {
	given := Credential{header.Get("x-atlas-client-id"), header.Get("x-atlas-client-secret")}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.accepted, given)
}

const jsonType = "application/json"

func acceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

// sendReply sends Atlas's reply, as gzip if the client accepts that.
func sendReply(w http.ResponseWriter, r *http.Request, url string, status int, msg *string) {
	w.Header().Set("Content-Type", jsonType)
	body := replyText(url, status, msg)
	if !acceptsGzip(r) {
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(gzipped(body))
}

func replyText(url string, status int, msg *string) []byte {
	text, err := json.Marshal(struct {
		URL    string  `json:"url"`
		Status int     `json:"status"`
		Msg    *string `json:"msg"`
	}{url, status, msg})
	if err != nil {
		panic("atlastest: a reply cannot be encoded: " + err.Error())
	}
	return text
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}
