package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"atriptoken/cmd/local/internal/console"
)

// serve starts a console whose origin is its server's.
func serve(t *testing.T, c console.Config) (string, *console.Feed) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	c.Origin, c.Endpoint, c.Issuer = server.URL, "http://api.example.com/getAtripToken.do", "http://idp.example.com"
	c.Feed = &console.Feed{}
	if c.Faults == nil {
		c.Faults = []console.Fault{{ID: "none"}}
	}
	handler, err := console.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, c.Feed
}

func send(t *testing.T, method, url, body string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestPages(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, console.Config{})
	for path, want := range map[string]string{
		"/": "<!doctype html>", "/console.js": "AtripLink", "/console.css": "color-scheme", "/icon.svg": "<svg",
		"/atrip-link.js": "customElements.define", "/atrip-link.zh.js": "addTexts",
		"/config.json": `"endpoint":"http://api.example.com/getAtripToken.do"`,
	} {
		response, body := send(t, "GET", url+path, "", nil)
		if response.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want 200 and %q", path, response.StatusCode, want)
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, directive := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'",
			"connect-src 'self' http://api.example.com http://idp.example.com",
		} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, directive)
			}
		}
	}
	if response, _ := send(t, "GET", url+"/web.go", "", nil); response.StatusCode != http.StatusNotFound {
		t.Errorf("/web.go: %d, want 404", response.StatusCode)
	}
}

func TestAnotherHostNameIsRefused(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, console.Config{})
	response, _ := send(t, "GET", url+"/config.json", "", func(r *http.Request) { r.Host = "evil.example.com" })
	if response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("status %d, want 421", response.StatusCode)
	}
}

func TestFaultIsSwitched(t *testing.T) {
	t.Parallel()
	var on []string
	switchOn := func(id string, err error) func(context.Context) error {
		return func(context.Context) error { on = append(on, id); return err }
	}
	url, _ := serve(t, console.Config{Faults: []console.Fault{
		{ID: "none", On: switchOn("none", nil)}, {ID: "slow", On: switchOn("slow", nil)}, {ID: "stuck", On: switchOn("stuck", errors.New("stuck"))},
	}})
	current := func() string {
		_, body := send(t, "GET", url+"/config.json", "", nil)
		var c struct{ Fault string }
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatal(err)
		}
		return c.Fault
	}
	for _, row := range []struct {
		name, body, origin string
		status             int
		current            string
	}{
		{"another origin may not", `{"id":"slow"}`, "http://evil.example.com", 403, "none"},
		{"nor a page without one", `{"id":"slow"}`, "", 403, "none"},
		{"an unknown fault", `{"id":"other"}`, url, 404, "none"},
		{"a body that is none", `slow`, url, 400, "none"},
		{"a known fault", `{"id":"slow"}`, url, 204, "slow"},
		{"a fault that cannot be switched", `{"id":"stuck"}`, url, 500, "slow"},
	} {
		response, body := send(t, "PUT", url+"/fault", row.body, func(r *http.Request) { r.Header.Set("Origin", row.origin) })
		if response.StatusCode != row.status {
			t.Errorf("%s: %d %s, want %d", row.name, response.StatusCode, body, row.status)
		}
		if got := current(); got != row.current {
			t.Errorf("%s: the fault %s is on, want %s", row.name, got, row.current)
		}
	}
	if got := strings.Join(on, " "); got != "slow stuck" {
		t.Errorf("switched on: %s", got)
	}
}

func TestFeedStreamsLines(t *testing.T) {
	t.Parallel()
	url, feed := serve(t, console.Config{})
	feed.Publish("function", []byte(`{"outcome":"OK"}`)) // before the page is there
	feed.Publish("function", []byte(`not JSON`))
	request, err := http.NewRequestWithContext(t.Context(), "GET", url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	lines := bufio.NewScanner(response.Body)
	next := func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return "the end"
	}
	if got, want := next(), `data: {"source":"function","line":{"outcome":"OK"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	feed.Publish("gateway", []byte(`{"status":401}`)) // while it is
	if got, want := next(), `data: {"source":"gateway","line":{"status":401}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFeedKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	url, feed := serve(t, console.Config{})
	request, err := http.NewRequestWithContext(t.Context(), "GET", url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request) // and never reads
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for range 10_000 {
		feed.Publish("function", []byte(`{"line":"`+strings.Repeat("x", 1000)+`"}`))
	}
}
