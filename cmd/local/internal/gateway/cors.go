package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// CORS is an HTTP API's CORS configuration (the guide, "Configure CORS for HTTP
// APIs in API Gateway"). The gateway answers preflights itself and drops what
// the function says about CORS.
type CORS struct {
	// AllowOrigins are exact origins, "*", "https://*" or "http://*".
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	MaxAge           time.Duration
	AllowCredentials bool
}

// preflight reports whether r is one: OPTIONS with both of its headers.
func (c CORS) preflight(r *http.Request) bool {
	return len(c.AllowOrigins) > 0 && r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// apply sets the CORS headers of an answer. The guide promises them on the
// integration's answers; the gateway's own errors have them too here, and a
// frontend has to do without them all the same: a browser cannot read an
// answer that lacks them.
func (c CORS) apply(h http.Header, r *http.Request, a answer) {
	if len(c.AllowOrigins) == 0 {
		return
	}
	for name := range a.headers {
		if strings.HasPrefix(name, "access-control-") {
			delete(a.headers, name)
		}
	}
	origin := r.Header.Get("Origin")
	allowed := c.allows(origin)
	if allowed == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	if c.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if c.preflight(r) {
		set(h, "Access-Control-Allow-Methods", c.AllowMethods)
		set(h, "Access-Control-Allow-Headers", c.AllowHeaders)
		if c.MaxAge > 0 {
			h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge.Seconds())))
		}
		return
	}
	set(h, "Access-Control-Expose-Headers", c.ExposeHeaders)
}

// allows returns the value of Access-Control-Allow-Origin, or nothing.
func (c CORS) allows(origin string) string {
	if origin == "" {
		return ""
	}
	for _, allowed := range c.AllowOrigins {
		switch {
		case allowed == "*":
			return "*"
		case allowed == origin:
			return origin
		case allowed == "https://*" && strings.HasPrefix(origin, "https://"),
			allowed == "http://*" && strings.HasPrefix(origin, "http://"):
			return origin
		}
	}
	return ""
}

func set(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h.Set(name, strings.Join(values, ","))
	}
}
