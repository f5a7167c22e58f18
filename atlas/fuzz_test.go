package atlas_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"atriptoken/atlas"
)

// FuzzReply sends any body, under any HTTP status, as Atlas's reply: the client
// returns a url on an allowed host or an *Error of one kind, and never panics.
func FuzzReply(f *testing.F) {
	for _, body := range []string{
		`{"url":"https://www.atriptech.com/portal?token=x","status":0,"msg":null}`, `{"url":"","status":3,"msg":"unauthorized access"}`,
		`{"code":429,"message":"slow down","limitType":"QPS","limit":1,"retryAfter":1}`,
		`{"status":0,"url":"https://atriptech.com@example.com/"}`,
		`{"status":1e99}`, `{"status":-0}`, `{"status":0,"url":{"status":0}}`, `[]`, `null`, `{`, "\x1f\x8b", "<html>", `{"status":0,"status":3}`,
	} {
		f.Add(200, []byte(body))
		f.Add(500, []byte(body))
	}
	var status int
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	f.Cleanup(server.Close)
	client := newClient(f, server.URL, nil)
	kinds := []error{atlas.ErrSystem, atlas.ErrRefused, atlas.ErrRateLimited, atlas.ErrMalformed, atlas.ErrTimeout, atlas.ErrUnreachable}
	f.Fuzz(func(t *testing.T, s int, b []byte) {
		if s < 200 || s > 599 {
			t.Skip()
		}
		status, body = s, b
		reply, err := client.GetToken(t.Context(), credentials, request)
		if err != nil {
			matched := 0
			for _, kind := range kinds {
				if errors.Is(err, kind) {
					matched++
				}
			}
			var e *atlas.Error
			if matched != 1 || !errors.As(err, &e) || e.RetryAfter < 0 {
				t.Fatalf("%v matches %d kinds, want 1", err, matched)
			}
			return
		}
		u, err := url.Parse(reply.URL.Reveal())
		if err != nil || status != 200 {
			t.Fatalf("HTTP %d is a success, with a url that parses as %v", status, err)
		}
		host := strings.ToLower(u.Hostname())
		if onBase := u.Host == client.BaseURL.Host; !onBase && host != "atriptech.com" && !strings.HasSuffix(host, ".atriptech.com") {
			t.Fatalf("the url's host is %q", u.Host)
		}
	})
}
