package faultscript_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"atriptoken/internal/faultscript"
)

// start returns a server that records paths and answers "ok" without a fault.
func start(t *testing.T) *faultscript.Server[string] {
	t.Helper()
	var server *faultscript.Server[string]
	server = faultscript.NewUnstartedServer[string](nil, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

// The answers that are faults are proven by the tests of Atlas's client.
func TestStep_Answer(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	close(released)
	server := start(t)
	for name, row := range map[string]struct {
		step faultscript.Step
		body string // after the header Retry-After
	}{
		"OK": {faultscript.OK(), "ok"}, "header": {faultscript.WithHeader("Retry-After", "9", faultscript.OK()), "9ok"},
		"delay": {faultscript.Delay(1, faultscript.OK()), "ok"}, "slow body": {faultscript.SlowBody(1, faultscript.OK()), "ok"},
		"released": {faultscript.Hold(released, faultscript.OK()), "ok"},
	} {
		server.Script(row.step)
		if code, body, err := get(server); code != 200 || body != row.body || err != nil {
			t.Errorf("%s: HTTP %d %q, %v; want %q", name, code, body, err, row.body)
		}
	}
}

func TestStep_Wait(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]faultscript.Step{
		"Hang": faultscript.Hang(), "HangBody": faultscript.HangBody(), "Delay": faultscript.Delay(time.Hour, faultscript.OK()),
	} {
		server := start(t)
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
			t.Errorf("%s: the call got an answer", name)
		}
	}
}

func TestServer_Script(t *testing.T) {
	t.Parallel()
	server := start(t)
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
	server := start(t)
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
