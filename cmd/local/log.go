package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"atriptoken/internal/function"
)

// log writes every line to stdout, readable or as JSON, and to the console's
// pages. Its own Logger writes lines in the function's format.
type log struct {
	*slog.Logger
	out  io.Writer
	json bool

	mu     sync.Mutex
	recent [][]byte // for the next page
	pages  map[chan []byte]bool
}

func newLog(out io.Writer, json bool) *log {
	l := &log{out: out, json: json, pages: map[chan []byte]bool{}}
	l.Logger = function.NewLogger(nil, l)
	return l
}

// Write takes whole lines. A page that reads too slowly misses lines; one that is
// not JSON goes to stdout only.
func (l *log) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(lines) {
		line = bytes.Clone(bytes.TrimSpace(line))
		text := string(line)
		if !l.json {
			text = readable(line)
		}
		_, _ = fmt.Fprintln(l.out, text) // goes on when stdout is closed
		if !json.Valid(line) {
			continue
		}
		l.recent = append(l.recent, line)
		l.recent = l.recent[max(0, len(l.recent)-20):]
		for page := range l.pages {
			select {
			case page <- line:
			default:
			}
		}
	}
	return len(lines), nil
}

// readable is a JSON line for people.
func readable(line []byte) string {
	var e struct {
		Timestamp                            time.Time
		Level, Message, Method, Path, Reason string
		Outcome, Cause                       string
		Principal, UserName, Role, OrderNo   string
		OperatorName, Issuer                 string
		Status, Attempts                     int
		TotalMs, AtlasMs                     float64
	}
	if json.Unmarshal(line, &e) != nil {
		return string(line)
	}
	first, rest := strings.ToLower(e.Level), []string{e.Message}
	switch {
	case e.Outcome != "":
		first = e.Outcome
		who := cmp.Or(e.UserName, e.Principal)
		if e.OperatorName != "" && e.UserName != "" && e.OperatorName != e.UserName { // refused: not the operator's name
			who = fmt.Sprintf("%s (%s) → %s", e.OperatorName, e.Issuer, e.UserName)
		}
		rest = []string{who, e.Role, e.OrderNo, fmt.Sprintf("%.1f ms", e.TotalMs)}
		if e.Attempts > 0 {
			rest = append(rest, fmt.Sprintf("Atlas %.1f ms, attempts %d", e.AtlasMs, e.Attempts))
		}
		rest = append(rest, e.Cause)
	case e.Method != "":
		first, rest = fmt.Sprint(e.Status), []string{e.Method + " " + e.Path, "by the gateway: " + e.Reason}
	}
	rest = slices.DeleteFunc(rest, func(part string) bool { return part == "" })
	return fmt.Sprintf("%s %-20s %s", e.Timestamp.Local().Format(time.TimeOnly), first, strings.Join(rest, " · "))
}

// ServeHTTP streams the lines to a page of the console by server-sent events (HTML
// Living Standard, 9.2), the last ones first, until it leaves or the request's context ends.
func (l *log) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := make(chan []byte, 100)
	l.mu.Lock()
	for _, line := range l.recent {
		page <- line
	}
	l.pages[page] = true
	l.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	for flush() == nil && r.Context().Err() == nil {
		select {
		case <-r.Context().Done():
		case line := <-page:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", line) // the flush fails if the page left
		}
	}
	l.mu.Lock()
	delete(l.pages, page)
	l.mu.Unlock()
}

// addresses are where the parts listen; API is the broker's complete URL.
type addresses struct{ Console, API, Issuer, Atlas, Secrets string }

// ready prints where the system is, and a command that asks for a link.
func (l *log) ready(a addresses, email, role string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.json {
		_, _ = fmt.Fprintf(l.out, `{"level":"INFO","message":"ready","console":%q,"api":%q,"issuer":%q,"atlas":%q,"secrets":%q}`+"\n",
			a.Console, a.API, a.Issuer, a.Atlas, a.Secrets)
		return
	}
	_, _ = fmt.Fprintf(l.out, `
The ATRIP token broker runs on this machine. Open

  %[1]s

and sign in as an example operator. Or ask for a link in a shell:

  curl -s %[2]s -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $(curl -s '%[3]s/dev-token?user=%[6]s')" \
    -d '{"orderNo":"XPFIW20220209163159425","role":"%[7]s"}'

  API                %[2]s
  API reference      %[1]s/api/
  Identity provider  %[3]s
  Atlas, simulated   %[4]s
  Secrets Manager    %[5]s

Ctrl-C ends it.

`, a.Console, a.API, a.Issuer, a.Atlas, a.Secrets, strings.ReplaceAll(url.QueryEscape(email), "%40", "@"), role)
}
