package faultscript_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"atriptoken/internal/faultscript"
)

// start returns a server that answers "ok" without a fault.
func start(t *testing.T) *faultscript.Server {
	t.Helper()
	server := &faultscript.Server{}
	server.Open(nil, false, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "o")
		_, _ = io.WriteString(w, "k")
	})
	t.Cleanup(server.Close)
	return server
}

func post(server *faultscript.Server, body string) (answer string, err error) {
	response, err := server.Client().Post(server.URL, "text/plain", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// What the steps answer is proven by the tests of Atlas's client and of the handler.
func TestStep_Wait(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]faultscript.Step{
		"Hang": faultscript.Hang(), "HangBody": faultscript.HangBody(), "Delay": faultscript.Delay(time.Hour, faultscript.OK()),
	} {
		server := start(t)
		arrived := make(chan struct{})
		server.Script(func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
			close(arrived)
			step(w, r, ok)
		})
		ended := make(chan error, 1)
		go func() {
			_, err := post(server, "")
			ended <- err
		}()
		<-arrived
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
	server.Script(faultscript.HTTPStatus(501), faultscript.SlowBody(1, faultscript.OK()))
	for i, want := range []string{"Not Implemented\n", "ok", "Internal Server Error\n", "Internal Server Error\n", "ok"} {
		if i == 4 {
			server.Script(faultscript.HTTPStatus(502))
			server.Clear()
		}
		if answer, err := post(server, ""); answer != want {
			t.Errorf("call %d: %q, %v; want %q", i, answer, err, want)
		}
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	server := start(t)
	for range 20_000 {
		server.Config.Handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	}
	if _, err := post(server, "new"); err != nil {
		t.Fatal(err)
	}
	if got := server.Requests(); len(got) != 10_001 || got[10_000].Body != "new" {
		t.Errorf("%d calls are kept", len(got))
	}
}
