package gateway

import (
	"net/http"
	"slices"
)

// preflight reports whether r is one: OPTIONS with both of its headers.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// cors sets the CORS headers of an answer as template.yaml configures them (the
// guide, "Configure CORS for HTTP APIs in API Gateway"). The gateway's own errors
// get them, too; the guide promises them for the function's replies only, so a
// page must not depend on reading such an error.
func (g *Gateway) cors(h http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if !slices.Contains(g.Origins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if !preflight(r) {
		h.Set("Access-Control-Expose-Headers", "apigw-requestid,retry-after")
		return
	}
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "authorization,content-type,x-atrip-account")
	h.Set("Access-Control-Max-Age", "600")
}
