package idp

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed picker.html
var pickerText string

var picker = template.Must(template.New("picker").Parse(pickerText))

type pickerData struct {
	ClientID  string
	Request   *authorization
	Operators []Operator
}

// renderPicker writes the sign-in page. Its form may lead to this origin and,
// through the redirect, to the console's: Chromium applies form-action to
// redirects too.
func renderPicker(w http.ResponseWriter, request authorization, consoleOrigin string) {
	render(w, pickerData{ClientID: ClientID, Request: &request, Operators: Operators}, consoleOrigin)
}

// home says what this address is to somebody who opens it by hand.
func (p *Provider) home(w http.ResponseWriter, _ *http.Request) {
	render(w, pickerData{Operators: Operators}, p.config.ConsoleOrigin)
}

func render(w http.ResponseWriter, data pickerData, consoleOrigin string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+consoleOrigin)
	_ = picker.Execute(w, data) // a client that went away is no error of ours
}
