package handler

import (
	"encoding/base64"
	"mime"
	"regexp"
	"strings"

	"atriptoken/atlas"
)

// httpRequest is what the HTTP-shaped callers have in common.
type httpRequest struct {
	method string
	path   string
	stage  string
	// routed is set if the gateway has matched the route.
	routed bool
	header header
	body   string
	base64 bool
}

// header holds the request's headers by lower-case name. API Gateway sends them
// in lower case, SAM's local gateway in canonical case.
type header map[string][]string

// headerOf merges the two forms in which gateways pass headers: one value a
// name, or all. If an event has both, several counts.
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

// Path is the broker's path, below the stage's prefix: the same as Atlas's.
const Path = "/" + atlas.Path

// mapped matches what may precede Path when the gateway has matched the route:
// the stage's name, and the base path of a custom domain's API mapping.
var mapped = regexp.MustCompile(`^(?:/[A-Za-z0-9$_-]+){0,6}$`)

// route checks path and method. The path is not cleaned or unescaped: the
// gateway did neither.
func (r *httpRequest) route() *fault {
	prefix, ok := strings.CutSuffix(r.path, Path)
	if !ok || prefix != "" && (r.stage == "" || prefix != "/"+r.stage) && !(r.routed && mapped.MatchString(prefix)) {
		return &fault{code: NotFound, detail: "The broker answers only at " + Path + "."}
	}
	if r.method != "POST" {
		return &fault{code: MethodNotAllowed, detail: "Send the request with POST.", allow: "POST"}
	}
	return nil
}

// content checks the body's type and returns it, base64-decoded.
func (r *httpRequest) content() ([]byte, *fault) {
	if _, encoded := r.header["content-encoding"]; encoded {
		return nil, &fault{code: UnsupportedMediaType, detail: "Send the body without a Content-Encoding."}
	}
	types := r.header["content-type"]
	if len(types) != 1 {
		return nil, &fault{code: UnsupportedMediaType, detail: "Send the header Content-Type: application/json exactly once."}
	}
	if kind, _, err := mime.ParseMediaType(types[0]); err != nil || kind != "application/json" {
		return nil, &fault{code: UnsupportedMediaType, detail: "Send the body as JSON, with Content-Type: application/json."}
	}
	if !r.base64 {
		return []byte(r.body), nil
	}
	body, err := base64.StdEncoding.Strict().DecodeString(r.body)
	if err != nil {
		return nil, &fault{code: InvalidRequest, detail: "The event declares its body as base64, but it is not.",
			fields: []fieldError{{"", "is not base64"}}}
	}
	return body, nil
}

// dropped returns the Atlas credential headers that the client sent, for the
// audit line. They are never forwarded.
func (r *httpRequest) dropped() (names []string) {
	for _, name := range []string{"x-atlas-client-id", "x-atlas-client-secret"} {
		if _, sent := r.header[name]; sent {
			names = append(names, name)
		}
	}
	return names
}
