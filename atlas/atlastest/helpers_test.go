package atlastest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

const (
	orderNo   = "XPFIW20220209163159425"
	validBody = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`
)

// newRequest returns the call as a correct client sends it, with edits.
func newRequest(t testing.TB, server *atlastest.Server, body string, edits ...func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/getAtripToken.do", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	// Not set for Accept-Encoding: the transport asks for gzip itself.
	r.Header.Set("X-Atlas-Client-Id", atlastest.DefaultClientID)
	r.Header.Set("X-Atlas-Client-Secret", atlastest.DefaultClientSecret)
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// header is an edit that sets a header, or deletes it when value is empty.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
}

// reply is the body of an answer, with pointers to tell absent from zero.
type reply struct {
	URL    *string
	Status *int
	Msg    *string
}

// do sends r and returns the answer with its body, which has to arrive whole.
func do(t testing.TB, server *atlastest.Server, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// call sends a correct call with edits and decodes the JSON of a 200.
func call(t testing.TB, server *atlastest.Server, body string, edits ...func(*http.Request)) reply {
	t.Helper()
	answer, text := do(t, server, newRequest(t, server, body, edits...))
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("HTTP %d %q, want a 200 with JSON", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	var decoded reply
	if err := json.Unmarshal([]byte(text), &decoded); err != nil {
		t.Fatalf("body %q: %v", text, err)
	}
	if decoded.URL == nil || decoded.Status == nil {
		t.Fatalf("body %q lacks url or status", text)
	}
	return decoded
}

// start returns a server that closes with the test.
func start(t testing.TB, o *atlastest.Options) *atlastest.Server {
	t.Helper()
	server := atlastest.NewServer(o)
	t.Cleanup(server.Close)
	return server
}
