package handler_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"atriptoken/handler"
)

const upstreamLink = "https://atriptech.com/login?token=example"

// upstream replaces Atlas's simulator, without a network, in tests with very many
// calls: it answers each with success and keeps only the newest body.
type upstream struct {
	mu    sync.Mutex
	calls int
	body  string
}

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	text, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	u.calls, u.body = u.calls+1, string(text)
	u.mu.Unlock()
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"url":"` + upstreamLink + `","status":0,"msg":null}`)),
	}, nil
}

// through configures a broker whose calls of Atlas go to r.
func through(t testing.TB, r http.RoundTripper) func(*handler.Config) {
	return func(c *handler.Config) {
		c.Accounts["default"].Atlas = atlasClient(t, "http://127.0.0.1:1")
		c.Accounts["default"].Atlas.Transport = new(http.Transport)
		c.Accounts["default"].Atlas.Transport.RegisterProtocol("http", r)
	}
}

// received returns the number of calls and the newest body.
func (u *upstream) received() (calls int, body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls, u.body
}
