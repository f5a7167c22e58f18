package handler

import (
	"encoding/base64"
	"mime"
	"regexp"
	"slices"
	"strings"

	"atriptoken/atlas"
)

// httpRequest is what the HTTP-shaped callers have in common.
type httpRequest struct {
	method string
	path   string
	stage  string
	// routed tells that the gateway in front has matched the route itself.
	routed bool
	header header
	body   string
	base64 bool
}

// header holds the request's headers by lower-case name. API Gateway sends them
// in lower case, SAM's local gateway in canonical case.
type header map[string][]string

// headerOf reads headers, of which a gateway gives one value a name, or every
// value, or both; then several counts.
func headerOf(single map[string]string, several map[string][]string) header {
	h := header{}
	for name, values := range several {
		name = strings.ToLower(name)
		h[name] = append(h[name], values...)
	}
	if several != nil {
		return h
	}
	for name, value := range single {
		name = strings.ToLower(name)
		h[name] = append(h[name], value)
	}
	return h
}

// Path is where the broker answers, below the stage's prefix, as Atlas does.
const Path = "/" + atlas.Path

// mapped matches what may precede Path when the gateway has matched the route:
// the stage's name, and the base path of a custom domain's API mapping.
var mapped = regexp.MustCompile(`^(?:/[A-Za-z0-9$_-]+){0,6}$`)

// route checks path and method. The path is taken as it was sent: it is neither
// cleaned nor unescaped, since whoever stands in front has not done so either.
func (r *httpRequest) route() *fault {
	prefix, ok := strings.CutSuffix(r.path, Path)
	if !ok || prefix != "" && (r.stage == "" || prefix != "/"+r.stage) && !(r.routed && mapped.MatchString(prefix)) {
		return &fault{code: NotFound, detail: "The broker answers at " + Path + " only."}
	}
	if r.method != "POST" {
		return &fault{code: MethodNotAllowed, detail: "Send the request with POST.", allow: "POST"}
	}
	return nil
}

// content checks the body's type and size, and returns it decoded.
func (r *httpRequest) content() ([]byte, *fault) {
	if _, encoded := r.header["content-encoding"]; encoded {
		return nil, &fault{code: UnsupportedMediaType, detail: "Send the body without a Content-Encoding."}
	}
	types := r.header["content-type"]
	if len(types) != 1 {
		return nil, &fault{code: UnsupportedMediaType, detail: "Send Content-Type: application/json, once."}
	}
	if kind, _, err := mime.ParseMediaType(types[0]); err != nil || kind != "application/json" {
		return nil, &fault{code: UnsupportedMediaType, detail: "Send the body as JSON, with Content-Type: application/json."}
	}
	tooLarge := &fault{code: BodyTooLarge, detail: "The body may have at most 16 KiB."}
	if !r.base64 {
		if len(r.body) > maxBody {
			return nil, tooLarge
		}
		return []byte(r.body), nil
	}
	body, err := base64.StdEncoding.Strict().DecodeString(r.body)
	if err != nil {
		return nil, &fault{code: InvalidRequest, detail: "The event says that its body is base64, and it is not.",
			fields: []fieldError{{"", "is not base64"}}}
	}
	if len(body) > maxBody {
		return nil, tooLarge
	}
	return body, nil
}

// credentialHeaders are the headers that a client written for Atlas sends. They
// are never forwarded: the broker has its own.
var credentialHeaders = []string{"x-atlas-client-id", "x-atlas-client-secret"}

// dropped returns which credential headers the client sent, for the audit line.
func (r *httpRequest) dropped() []string {
	var names []string
	for _, name := range credentialHeaders {
		if _, sent := r.header[name]; sent {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
