package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// log writes every line to stdout, readable or as JSON, and to the console's page.
type log struct {
	json bool
	feed feed

	mu  sync.Mutex
	out io.Writer
}

func newLog(out io.Writer, json bool) *log {
	return &log{out: out, json: json, feed: feed{pages: map[chan []byte]bool{}}}
}

// Write takes the function's log lines, whole lines a call.
func (l *log) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			l.line("function", bytes.Clone(line))
		}
	}
	return len(lines), nil
}

// gateway writes a line for a request that the function did not answer.
func (l *log) gateway(r *http.Request, requestID string, status int, reason string) {
	l.entry("gateway", map[string]any{
		"level": "INFO", "message": "answered by the gateway", "gatewayRequestId": requestID,
		"method": r.Method, "path": r.URL.Path, "status": status, "reason": reason,
	})
}

// entry writes a line of the local system itself.
func (l *log) entry(source string, fields map[string]any) {
	fields["timestamp"] = time.Now().UTC()
	line, _ := json.Marshal(fields) // texts and numbers: cannot fail
	l.line(source, line)
}

func (l *log) line(source string, line []byte) {
	l.feed.publish(source, line)
	if l.json {
		l.print(string(line))
		return
	}
	l.print(readable(line))
}

func (l *log) print(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.out, text) // goes on when stdout is closed
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

// addresses are where the parts listen; API is the broker's complete URL.
type addresses struct{ Console, API, Issuer, Atlas, Secrets string }

// ready prints where the system is, and a command that asks for a link.
func (l *log) ready(a addresses, email, role string) {
	if l.json {
		line, _ := json.Marshal(map[string]string{ // cannot fail
			"level": "INFO", "message": "ready", "console": a.Console, "api": a.API, "issuer": a.Issuer, "atlas": a.Atlas, "secrets": a.Secrets,
		})
		l.print(string(line))
		return
	}
	l.print(fmt.Sprintf(`
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
`, a.Console, a.API, a.Issuer, a.Atlas, a.Secrets, strings.ReplaceAll(url.QueryEscape(email), "%40", "@"), role))
}
