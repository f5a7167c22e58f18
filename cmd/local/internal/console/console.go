// Package console serves the demo console: an example back office whose pages
// use the <atrip-link> element, show the audit lines as they are written and
// switch faults on. It stands on an origin of its own, as a back office does.
package console

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"atriptoken/web"
)

// Config is what the console's pages need to know.
type Config struct {
	// Origin is the console's own origin, such as http://127.0.0.1:8400.
	Origin string
	// Endpoint is the broker's URL.
	Endpoint string
	// Issuer, ClientID and Scope are for signing in.
	Issuer, ClientID, Scope string
	// Roles are the roles to choose from.
	Roles []string
	// Faults can be switched on; the first one is on at the start.
	Faults []Fault
	// Feed carries the log lines.
	Feed *Feed
	// API renders the API's description; nil leaves it out.
	API http.Handler
}

// RedirectURI is where the identity provider sends browsers back to.
func (c Config) RedirectURI() string { return c.Origin + "/" }

// New returns the console's server.
func New(c Config) (http.Handler, error) {
	pages, err := fs.Sub(web.Files, "console")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	faults := &switches{origin: c.Origin, faults: c.Faults, current: c.Faults[0].ID}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(pages))
	mux.Handle("GET /atrip-link.js", http.FileServerFS(web.Files))
	mux.Handle("GET /atrip-link.zh.js", http.FileServerFS(web.Files))
	mux.Handle("GET /events", c.Feed)
	mux.Handle("PUT /fault", faults)
	if c.API != nil {
		mux.Handle("GET /api/", http.StripPrefix("/api", c.API))
	}
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"endpoint": c.Endpoint, "issuer": c.Issuer, "clientId": c.ClientID, "scope": "openid email " + c.Scope,
			"redirectUri": c.RedirectURI(), "roles": c.Roles, "faults": c.Faults, "fault": faults.on(),
		})
	})
	return guard(c, mux), nil
}

// guard sets the headers of every page: a content security policy as strict as
// a back office may have one, which the element has to live with.
func guard(c Config, next http.Handler) http.Handler {
	policy := strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
		"connect-src 'self' " + origin(c.Endpoint) + " " + c.Issuer,
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
		"require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A name of somebody else's that resolves to this machine is refused, so
		// that no foreign page reads what is here.
		if "http://"+r.Host != c.Origin {
			http.Error(w, "open "+c.Origin, http.StatusMisdirectedRequest)
			return
		}
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
		next.ServeHTTP(w, r)
	})
}

// origin is the scheme and host of an absolute URL.
func origin(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
