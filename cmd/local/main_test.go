package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestMain runs the tests in the checkout's root, where make run starts.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

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

// environ shortens the wait for an Atlas that does not answer.
var environ = map[string]string{"ATLAS_ATTEMPT_TIMEOUT": "4s"}

// run runs the system on free ports until the test ends, and returns its ready
// message. The context may hold the HTTP client for an issuer's keys.
func run(ctx context.Context, t *testing.T, args ...string) (ready string, out *buffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	out = &buffer{ready: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, append(args, "-port=0"), environ, out) }()
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

// running is a system that runs with -json.
type running struct {
	addresses
	out *buffer
}

func start(t *testing.T, args ...string) running {
	t.Helper()
	return startIn(context.Background(), t, args...)
}

func startIn(ctx context.Context, t *testing.T, args ...string) running {
	t.Helper()
	ready, out := run(ctx, t, append(args, "-json")...)
	at := running{out: out}
	if err := json.Unmarshal([]byte(ready), &at.addresses); err != nil {
		t.Fatal(err)
	}
	return at
}

// write writes a file into a new folder and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
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

// token is what a shell gets from the identity provider for an operator.
func (a addresses) token(t *testing.T, user string) string {
	t.Helper()
	response, token := send(t, "GET", a.Issuer+"/dev-token?user="+user, "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("dev-token: %d %s", response.StatusCode, token)
	}
	return token
}

const order = `{"orderNo":"XPFIW20220209163159425","role":"Customer service"}`

// call calls the API as a shell does.
func (a addresses) call(t *testing.T, token, body string, headers ...string) (int, map[string]any) {
	t.Helper()
	headers = append(headers, "Content-Type", "application/json", "Authorization", "Bearer "+token)
	response, text := send(t, "POST", a.API, body, headers...)
	answer := map[string]any{}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%d %s: %v", response.StatusCode, text, err)
	}
	return response.StatusCode, answer
}

// fault switches one of the console's faults on.
func (a addresses) fault(t *testing.T, id string) {
	t.Helper()
	if response, text := send(t, "PUT", a.Console+"/faults/"+id, ""); response.StatusCode != http.StatusNoContent {
		t.Fatalf("fault %s: %d %s", id, response.StatusCode, text)
	}
}
