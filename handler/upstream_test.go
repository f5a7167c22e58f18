package handler_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"atriptoken/handler"
)

const upstreamLink = "https://atriptech.com/x"

// upstream replaces Atlas's simulator in tests with very many calls: it answers
// each with success and keeps only the newest body.
type upstream struct {
	url   string
	mu    sync.Mutex
	calls int
	body  string
}

func newUpstream(t testing.TB) *upstream {
	u := &upstream{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.calls, u.body = u.calls+1, string(text)
		u.mu.Unlock()
		_, _ = io.WriteString(w, `{"url":"`+upstreamLink+`","status":0,"msg":null}`)
	}))
	t.Cleanup(server.Close)
	u.url = server.URL
	return u
}

// use configures a broker with u as Atlas.
func (u *upstream) use(t testing.TB) func(*handler.Config) {
	return func(c *handler.Config) { c.Account.Atlas = atlasClient(t, u.url) }
}

// received returns the number of calls and the newest body.
func (u *upstream) received() (calls int, body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls, u.body
}
