package handler_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"atriptoken/handler"
)

// upstream stands in for Atlas where a test makes very many calls: it answers
// each with success and keeps the newest body only.
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
		_, _ = io.WriteString(w, `{"url":"https://atriptech.com/x","status":0,"msg":null}`)
	}))
	t.Cleanup(server.Close)
	u.url = server.URL
	return u
}

// use points a broker's configuration at u.
func (u *upstream) use(t testing.TB) func(*handler.Config) {
	return func(c *handler.Config) { c.Account.Atlas = atlasClient(t, u.url) }
}

// asked returns how many calls came and the newest's body.
func (u *upstream) asked() (calls int, body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls, u.body
}
