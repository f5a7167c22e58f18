package faultscript_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"atriptoken/internal/faultscript"
)

// start returns a server that records paths and answers "ok" without a fault.
func start(t *testing.T, secure bool) *faultscript.Server[string] {
	t.Helper()
	var server *faultscript.Server[string]
	server = faultscript.NewUnstartedServer[string](nil, secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Record(r.URL.Path)
		server.Play(w, r, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "o")
			_, _ = io.WriteString(w, "k")
		})
	}))
	server.Begin()
	t.Cleanup(server.Close)
	return server
}

func get(server *faultscript.Server[string]) (code int, body string, err error) {
	response, err := server.Client().Get(server.URL)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("Retry-After") + string(text), err
}

func TestStep_Answer(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	close(released)
	for name, row := range map[string]struct {
		step faultscript.Step
		code int // 0: an error, as in each row without a body
		body string
	}{
		"OK":             {faultscript.OK(), 200, "ok"},
		"status":         {faultscript.HTTPStatus(503), 503, "Service Unavailable\n"},
		"reply":          {faultscript.HTTPReply(403, "text/xml", "<no/>"), 403, "<no/>"},
		"header":         {faultscript.WithHeader("Retry-After", "9", faultscript.OK()), 200, "9ok"},
		"delay":          {faultscript.Delay(1, faultscript.OK()), 200, "ok"},
		"slow body":      {faultscript.SlowBody(1, faultscript.OK()), 200, "ok"},
		"released":       {faultscript.Hold(released, faultscript.OK()), 200, "ok"},
		"cut":            {faultscript.CutConnection(), 0, ""},
		"cut in headers": {faultscript.CutInHeaders(), 0, ""},
		"cut in body":    {faultscript.CutInBody(), 200, ""},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				t.Parallel()
				server := start(t, secure)
				server.Script(row.step)
				code, body, err := get(server)
				switch {
				case row.body == "" && err == nil, !secure && code != row.code:
					t.Errorf("HTTP %d, %v; want HTTP %d and an error", code, err, row.code)
				case row.body != "" && (err != nil || body != row.body):
					t.Errorf("HTTP %d %q, %v; want %q", code, body, err, row.body)
				}
				if _, body, err := get(server); body != "ok" {
					t.Errorf("the next call gets %q, %v", body, err)
				}
			})
		}
	}
}

func TestStep_Wait(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]faultscript.Step{
		"Hang": faultscript.Hang(), "HangBody": faultscript.HangBody(),
		"Delay": faultscript.Delay(time.Hour, faultscript.OK()), "SlowBody": faultscript.SlowBody(time.Hour, faultscript.OK()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, false)
			server.Always(step)
			ended := make(chan error, 1)
			go func() {
				_, _, err := get(server)
				ended <- err
			}()
			if err := server.WaitRequests(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			server.Close()
			if err := <-ended; err == nil {
				t.Error("the call got an answer")
			}
		})
	}
}

func TestServer_Script(t *testing.T) {
	t.Parallel()
	server := start(t, false)
	server.Always(faultscript.HTTPStatus(500))
	server.Script(faultscript.HTTPStatus(501), faultscript.OK())
	for i, want := range []int{501, 200, 500, 500, 200} {
		if i == 4 {
			server.Script(faultscript.HTTPStatus(502))
			server.Clear()
		}
		if code, _, err := get(server); code != want {
			t.Errorf("call %d: HTTP %d, %v; want %d", i, code, err, want)
		}
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	server := start(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.WaitRequests(ctx, 1); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 1") {
		t.Errorf("waiting: %v", err)
	}
	for range 20_000 {
		server.Record("old")
	}
	server.Record("new")
	got := server.Requests()
	if len(got) != 10_001 || got[10_000] != "new" || server.WaitRequests(ctx, 20_001) != nil {
		t.Errorf("%d calls are kept", len(got))
	}
}
