package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"atriptoken/cmd/local/internal/idp"
	"atriptoken/handler"
	"atriptoken/web"
)

// pages serves the demo console: an example back office that uses <atrip-link>,
// shows the audit lines as they are written, switches faults, and has the API's
// reference at /api/.
func (s *system) pages() (http.Handler, error) {
	files, err := fs.Sub(web.Files, "console")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	description, err := os.ReadFile("docs/openapi.yaml") // make run starts in the checkout's root
	if err != nil {
		return nil, fmt.Errorf("the API's description: %w", err)
	}
	broker := strings.TrimSuffix(s.at.API, handler.Path)
	description = bytes.ReplaceAll(description, []byte("http://127.0.0.1:8401"), []byte(broker))
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("GET /atrip-link.js", http.FileServerFS(web.Files))
	mux.Handle("GET /atrip-link.zh.js", http.FileServerFS(web.Files))
	mux.Handle("GET /events", s.log)
	// Pages of other origins may not break anything.
	mux.Handle("PUT /faults/{id}", http.NewCrossOriginProtection().Handler(http.HandlerFunc(s.switchFault)))
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"endpoint": s.at.API, "issuer": s.at.Issuer, "clientId": idp.ClientID, "scope": "openid email " + idp.Scope,
			"redirectUri": s.at.Console + "/", "faults": faults, "fault": s.fault,
			"roles": s.effective.Roles, "accounts": s.config.Accounts,
			"groupsClaim": s.effective.GroupsClaim, "defaultPolicy": s.effective.PolicyFile == defaultPolicy,
		})
	})
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(description)
	})
	reference := apiReference(s.at.Issuer, s.config.Operators[0].Email)
	connect := " connect-src 'self' " + broker + " " + s.at.Issuer + ";"
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, r *http.Request) {
		// Swagger UI has inline scripts and styles; nothing else is on this page.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'unsafe-inline';"+
			" style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none';"+connect)
		reference.ServeHTTP(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// As strict as a back office's policy may be: <atrip-link> must work with it.
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"+connect+
			" base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
		mux.ServeHTTP(w, r)
	}), nil
}

// apiReference is Swagger UI with an operator's token filled in, so that trying
// the API out needs no sign-in.
func apiReference(issuer, email string) http.Handler {
	return v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "ATRIP token broker", SwaggerJSON: "/openapi.yaml", BasePath: "/api/",
		SettingsUI: map[string]string{
			"docExpansion":             `"full"`,
			"tryItOutEnabled":          "true",
			"requestSnippetsEnabled":   "true",
			"defaultModelsExpandDepth": "0",
			"onComplete": `() => fetch("` + issuer + `/dev-token?user=` + url.QueryEscape(email) + `").then((answer) => answer.text())
				.then((token) => window.ui.preauthorizeApiKey("operator", token))`,
		},
	})
}
