package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"atriptoken/cmd/local/internal/console"
	"atriptoken/cmd/local/internal/gateway"
)

// log is where every line ends: on stdout, readable or as it is, and in the
// console's live panel.
type log struct {
	json, colour bool
	feed         console.Feed

	mu  sync.Mutex
	out io.Writer
}

func newLog(out io.Writer, asJSON, colour bool) *log {
	return &log{out: out, json: asJSON, colour: colour}
}

// Write takes the function's log lines, whole lines a call.
func (l *log) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 {
			l.line("function", bytes.Clone(line))
		}
	}
	return len(lines), nil
}

// access takes what the gateway says of a request. The function's own line says
// more of those that reached it.
func (l *log) access(r gateway.AccessRecord) {
	if !r.Own {
		return
	}
	line, err := json.Marshal(map[string]any{
		"timestamp": time.Now().UTC(), "level": "INFO", "message": "answered by the gateway", "gatewayRequestId": r.RequestID,
		"method": r.Method, "path": r.Path, "status": r.Status, "reason": r.Reason,
	})
	if err == nil {
		l.line("gateway", line)
	}
}

func (l *log) line(source string, line []byte) {
	l.feed.Publish(source, line)
	if !l.json {
		line = []byte(l.readable(line))
	}
	l.print(string(line))
}

func (l *log) print(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.out, text) // a closed stdout stops nothing
}

// entry is what a readable line is made of.
type entry struct {
	Time      time.Time `json:"timestamp"`
	Level     string    `json:"level"`
	Message   string    `json:"message"`
	Outcome   string    `json:"outcome"`
	Cause     string    `json:"cause"`
	Principal string    `json:"principal"`
	UserName  string    `json:"userName"`
	Role      string    `json:"role"`
	OrderNo   string    `json:"orderNo"`
	Attempts  int       `json:"Attempts"`
	TotalMs   float64   `json:"TotalMs"`
	AtlasMs   float64   `json:"AtlasMs"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Status    int       `json:"status"`
	Reason    string    `json:"reason"`
}

// readable is one line for people. A line that is not JSON is returned as it is.
func (l *log) readable(line []byte) string {
	var e entry
	if json.Unmarshal(line, &e) != nil {
		return string(line)
	}
	at := l.paint(dim, e.Time.Local().Format(time.TimeOnly))
	switch {
	case e.Outcome != "":
		return fmt.Sprintf("%s %s %s", at, l.paint(outcomeColour(e), fmt.Sprintf("%-20s", e.Outcome)), e.request())
	case e.Method != "":
		return fmt.Sprintf("%s %s %s %s, by the gateway: %s", at, l.paint(dim, fmt.Sprintf("%-20d", e.Status)), e.Method, e.Path, e.Reason)
	case e.Level == "ERROR" || e.Level == "WARN":
		return fmt.Sprintf("%s %s %s", at, l.paint(yellow, fmt.Sprintf("%-20s", strings.ToLower(e.Level))), e.Message)
	}
	return fmt.Sprintf("%s %-20s %s", at, strings.ToLower(e.Level), e.Message)
}

// request says who asked for what, what it took and what went wrong.
func (e entry) request() string {
	who := e.UserName
	if who == "" {
		who = e.Principal
	}
	var parts []string
	for _, part := range []string{who, e.Role, e.OrderNo} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	took := fmt.Sprintf("%.1f ms", e.TotalMs)
	if e.Attempts > 0 {
		took += fmt.Sprintf(", Atlas %.1f ms", e.AtlasMs)
	}
	if e.Attempts > 1 {
		took += fmt.Sprintf(" in %d attempts", e.Attempts)
	}
	parts = append(parts, took)
	if e.Cause != "" {
		parts = append(parts, e.Cause)
	}
	return strings.Join(parts, " · ")
}

// Colours by their ANSI codes.
const (
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func outcomeColour(e entry) string {
	switch {
	case e.Outcome == "OK":
		return green
	case e.Level == "WARN" || e.Level == "ERROR":
		return red
	}
	return yellow
}

func (l *log) paint(code, text string) string {
	if !l.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
