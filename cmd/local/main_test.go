package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

// buffer is a bytes.Buffer for two goroutines, which reports the ready message.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
	ready chan string
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.Contains(string(p), `"message":"ready"`) || strings.Contains(string(p), "Ctrl-C") {
		b.ready <- string(p)
	}
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

var anyPort = []string{"-console-port=0", "-api-port=0", "-issuer-port=0", "-atlas-port=0", "-secrets-port=0"}

// environ shortens the wait for an Atlas that does not answer.
var environ = map[string]string{"ATLAS_ATTEMPT_TIMEOUT": "4s"}

// TestMain runs the tests in the checkout's root, where make run starts.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// run starts the system on free ports, until the test ends, and returns its ready
// message and its output.
func run(t *testing.T, args ...string) (ready string, out *buffer) {
	t.Helper()
	return runIn(context.Background(), t, args...)
}

// runIn is run in a context, which may hold the HTTP client for an issuer's keys.
func runIn(ctx context.Context, t *testing.T, args ...string) (ready string, out *buffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	out = &buffer{ready: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, append(args, anyPort...), environ, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	select {
	case ready = <-out.ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the start: %v", err)
	}
	return ready, out
}

// runJSON is run with -json, and returns the addresses of the ready message.
func runJSON(t *testing.T, args ...string) (addresses, *buffer) {
	t.Helper()
	return runJSONIn(context.Background(), t, args...)
}

func runJSONIn(ctx context.Context, t *testing.T, args ...string) (addresses, *buffer) {
	t.Helper()
	ready, out := runIn(ctx, t, append([]string{"-json"}, args...)...)
	var at addresses
	if err := json.Unmarshal([]byte(ready), &at); err != nil {
		t.Fatal(err)
	}
	return at, out
}

// send makes a request; headers are pairs of name and value. Redirects are
// returned, not followed.
func send(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	request.Host = request.Header.Get("Host")
	response, err := http.DefaultTransport.RoundTrip(request)
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

// token is what a shell gets from the identity provider.
func (a addresses) token(t *testing.T, query string) string {
	t.Helper()
	response, token := send(t, "GET", a.Issuer+"/dev-token?"+query, "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("dev-token: %d %s", response.StatusCode, token)
	}
	return token
}

const order = `{"orderNo":"XPFIW20220209163159425","role":"Customer service"}`

// call calls the API as a shell does.
func (a addresses) call(t *testing.T, token, body string) (int, map[string]any) {
	t.Helper()
	response, text := send(t, "POST", a.API, body, "Content-Type", "application/json", "Authorization", "Bearer "+token)
	answer := map[string]any{}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%d %s: %v", response.StatusCode, text, err)
	}
	return response.StatusCode, answer
}

// fault switches one of the console's faults on.
func (a addresses) fault(t *testing.T, id string) {
	t.Helper()
	response, text := send(t, "PUT", a.Console+"/faults/"+id, "", "Origin", a.Console)
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("fault %s: %d %s", id, response.StatusCode, text)
	}
}

// config is what the console's page reads.
func (a addresses) config(t *testing.T) (c struct {
	Endpoint, Fault string
	Faults          []struct{ ID, Answer string }
}) {
	t.Helper()
	_, text := send(t, "GET", a.Console+"/config.json", "")
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}
