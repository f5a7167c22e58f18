package atlastest

import (
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
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	var who visit
	refuse := func(status int, msg string) {
		s.logf("status %d, %s", status, msg)
		reply("", status, &msg)(w, r, nil)
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case !strings.Contains(r.Header.Get("Accept"), jsonType):
		refuse(901, "illegal request: Accept does not list application/json")
	case mediaType != jsonType:
		refuse(901, "illegal request: Content-Type is not application/json")
	case !acceptsGzip(r):
		refuse(901, "illegal request: Accept-Encoding does not list gzip")
	case !s.accepts(Credential{r.Header.Get("x-atlas-client-id"), r.Header.Get("x-atlas-client-secret")}):
		refuse(3, "unauthorized access")
	case json.UnmarshalRead(r.Body, &who, json.RejectUnknownMembers(true)) != nil:
		refuse(901, "illegal request: the body is not one JSON object with the strings orderNo, userName and role")
	case who.OrderNo == "" || who.UserName == "" || who.Role == "":
		refuse(100, "missing data: orderNo, userName and role are required")
	case !slices.Contains(s.options.Roles, who.Role):
		refuse(901, "illegal request: unknown role")
	default:
		s.logf("status 0 for order %q, user %q, role %q", who.OrderNo, who.UserName, who.Role)
		reply(s.link(who), 0, nil)(w, r, nil)
	}
}

func (s *Server) accepts(given Credential) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.accepted, given)
}

func acceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}
