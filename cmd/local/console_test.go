package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

func TestConsole_Pages(t *testing.T) {
	at := start(t)
	api := strings.TrimSuffix(at.API, "/getAtripToken.do")
	for path, want := range map[string]string{
		"/": "<!doctype html>", "/console.js": "atrip-link", "/console.css": "color-scheme", "/icon.svg": "<svg",
		"/atrip-link.js": "customElements.define", "/atrip-link.zh.js": "addTexts",
		"/config.json": `"endpoint":"` + at.API + `"`, "/openapi.yaml": "default: " + api + "\n",
	} {
		response, body := send(t, "GET", at.Console+path, "")
		if response.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want 200 and %q", path, response.StatusCode, want)
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, directive := range []string{
			"default-src 'none'", "script-src 'self';", "style-src 'self';", "require-trusted-types-for 'script'",
			"connect-src 'self' " + api + " " + at.Issuer + ";",
		} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, directive)
			}
		}
	}
	if response, _ := send(t, "GET", at.Console+"/web.go", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("/web.go: %d, want 404", response.StatusCode)
	}
}

func TestFault_Switch(t *testing.T) {
	at := start(t)
	for _, row := range []struct {
		name, id, origin string
		status           int
		on               string
	}{
		{"a page of another origin", "atlas-slow", "http://other.example.com", 403, "none"},
		{"an unknown fault", "other", at.Console, 404, "none"},
		{"the console", "atlas-slow", at.Console, 204, "atlas-slow"},
	} {
		if response, body := send(t, "PUT", at.Console+"/faults/"+row.id, "", "Origin", row.origin); response.StatusCode != row.status {
			t.Errorf("%s: %d %s, want %d", row.name, response.StatusCode, body, row.status)
		}
		if _, config := send(t, "GET", at.Console+"/config.json", ""); !strings.Contains(config, `"fault":"`+row.on+`"`) {
			t.Errorf("%s: another fault than %s is on: %s", row.name, row.on, config)
		}
	}
}

// events connects to the feed and returns a function that reads the next line.
func (a addresses) events(t *testing.T) func() string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", a.Console+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	return func() string {
		for lines.Scan() && lines.Text() == "" {
		}
		return lines.Text()
	}
}

func TestFeed_Lines(t *testing.T) {
	at := start(t)
	at.call(t, at.token(t, "amelia@example.com"), order)
	next := at.events(t) // gets the line that was written before it connected
	if got := next(); !strings.HasPrefix(got, "data: {") || !strings.Contains(got, `"outcome":"OK"`) {
		t.Errorf("the function's line is %s", got)
	}
	at.call(t, "no token", order)
	if got := next(); !strings.Contains(got, `"method":"POST","path":"/getAtripToken.do","status":401`) {
		t.Errorf("the gateway's line is %s", got)
	}
}

func TestFeed_SlowReaderDelaysNothing(t *testing.T) {
	out := &buffer{}
	l := newLog(out, true)
	l.pages[make(chan []byte)] = true // a page that never reads
	if _, err := l.Write([]byte("not JSON\n{\"a\":1}\n")); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "not JSON\n{\"a\":1}\n" {
		t.Errorf("the output is %q", got)
	}
	if len(l.recent) != 1 {
		t.Errorf("%d lines for the next page, want the one that is JSON", len(l.recent))
	}
}
