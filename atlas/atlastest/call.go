package atlastest

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// The call as Atlas's OpenAPI document describes it.
const (
	callPath     = "/getAtripToken.do"
	headerID     = "x-atlas-client-id"
	headerSecret = "x-atlas-client-secret" //nolint:gosec // a header's name

	maxRequestBody = 64 << 10 // bytes; a request of the three strings is far below
)

// The statuses of a reply's body.
const (
	statusSuccess      = 0
	statusSystemError  = 2
	statusUnauthorized = 3
	statusMissingData  = 100
	statusIllegal      = 901
)

// Handler returns the simulator as a handler: getAtripToken.do below any base
// path, and the portal under PublicURL's path.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, callPath) {
		s.serveCall(w, r)
		return
	}
	if s.servePortal(w, r) {
		return
	}
	s.record(r, nil, "")
	s.options.Logf("atlastest: %s %q: 404", r.Method, r.URL.Path)
	http.Error(w, "404: Atlas has no such path; the call is POST {base URL}"+callPath, http.StatusNotFound)
}

func (s *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	// One byte over the limit tells judge that there was more.
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off: there is nobody to answer
	}
	if r.Method != http.MethodPost {
		s.record(r, body, "")
		s.options.Logf("atlastest: %s getAtripToken.do: 405", r.Method)
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "405: getAtripToken.do takes POST", http.StatusMethodNotAllowed)
		return
	}
	step := s.script.take()
	s.record(r, body, step.String())
	s.options.Logf("atlastest: getAtripToken.do: answered by %s", step)
	step.play(&exchange{server: s, w: w, r: r, body: body})
}

// refusal is a status other than success, and why.
type refusal struct {
	status int
	msg    string
}

// judge checks a call as the OpenAPI document says and returns who is to be
// signed in, or the refusal.
func (s *Server) judge(header http.Header, body []byte) (visit, *refusal) {
	if problem := checkHeaders(header); problem != "" {
		return visit{}, &refusal{statusIllegal, "illegal request: " + problem}
	}
	if !s.accepts(Credential{header.Get(headerID), header.Get(headerSecret)}) {
		return visit{}, &refusal{statusUnauthorized, "unauthorized access"}
	}
	if len(body) > maxRequestBody {
		return visit{}, &refusal{statusIllegal, "illegal request: the body is too large"}
	}
	var request struct {
		OrderNo  *string `json:"orderNo"`
		UserName *string `json:"userName"`
		Role     *string `json:"role"`
	}
	if err := json.Unmarshal(body, &request, json.RejectUnknownMembers(true)); err != nil {
		return visit{}, &refusal{statusIllegal, "illegal request: the body is not one JSON object with the strings orderNo, userName and role alone"}
	}
	var missing []string
	take := func(name string, value *string) string {
		if value == nil || *value == "" {
			missing = append(missing, name)
			return ""
		}
		return *value
	}
	who := visit{
		OrderNo:  take("orderNo", request.OrderNo),
		UserName: take("userName", request.UserName),
		Role:     take("role", request.Role),
	}
	if len(missing) > 0 {
		return visit{}, &refusal{statusMissingData, "missing data: " + strings.Join(missing, ", ")}
	}
	if !slices.Contains(s.options.Roles, who.Role) {
		return visit{}, &refusal{statusIllegal, "illegal request: unknown role"}
	}
	if who.OrderNo == "." || who.OrderNo == ".." {
		// No URL path can carry these as a segment, so no order has them.
		return visit{}, &refusal{statusIllegal, "illegal request: not an order number"}
	}
	return who, nil
}

// checkHeaders says what is wrong with the required headers other than the
// credentials, or "".
func checkHeaders(header http.Header) string {
	if !lists(header, "Accept", "application/json", "application/*", "*/*") {
		return "Accept has to admit application/json"
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return "Content-Type has to be application/json"
	}
	if !acceptsGzip(header) {
		return "Accept-Encoding has to contain gzip"
	}
	return ""
}

func acceptsGzip(header http.Header) bool { return lists(header, "Accept-Encoding", "gzip") }

// lists reports whether the comma-separated header names one of the values,
// other than with the quality 0.
func lists(header http.Header, name string, values ...string) bool {
	for item := range strings.SplitSeq(strings.Join(header.Values(name), ","), ",") {
		value, params, err := mime.ParseMediaType(item)
		if err != nil || !slices.Contains(values, value) {
			continue
		}
		if strings.Trim(params["q"], "0.") != "" || params["q"] == "" {
			return true
		}
	}
	return false
}
