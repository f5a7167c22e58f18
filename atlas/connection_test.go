package atlas_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
)

func TestClient_ConnectionReused(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for _, ahead := range []bool{false, true} {
			server, client := start(t, secure)
			if ahead {
				if err := client.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := len(server.Requests()); n != 0 {
					t.Errorf("Connect sent %d requests", n)
				}
			}
			for range 3 {
				if err := call(t, client); err != nil {
					t.Fatal(err)
				}
			}
			if n := server.Connections(); n != 1 {
				t.Errorf("TLS %v, ahead %v: %d connections, want 1", secure, ahead, n)
			}
			if want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[secure]; server.Requests()[0].Proto != want {
				t.Errorf("TLS %v: the protocol is %s, want %s", secure, server.Requests()[0].Proto, want)
			}
		}
	}
}

func TestClient_DeadConnection(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for _, ahead := range []bool{false, true} {
			server, client := start(t, secure)
			if ahead {
				if err := client.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for range 20 {
				server.CloseClientConnections()
				if err := call(t, client); err != nil {
					t.Errorf("TLS %v, ahead %v: %v", secure, ahead, err)
				}
			}
		}
	}
}

func TestClient_IdleConnection(t *testing.T) {
	t.Parallel()
	for _, ahead := range []bool{false, true} {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		server, client := start(t, true)
		client.Now = func() time.Time { return now }
		if ahead {
			if err := client.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, row := range []struct {
			idle        time.Duration
			connections int
		}{{0, 1}, {240 * time.Second, 1}, {240*time.Second + 1, 2}, {240 * time.Second, 2}, {-1, 3}, {0, 3}} {
			now = now.Add(row.idle)
			if err := call(t, client); err != nil {
				t.Fatal(err)
			}
			if n := server.Connections(); n != row.connections {
				t.Errorf("ahead %v, call %d after %v: %d connections, want %d", ahead, i, row.idle, n, row.connections)
			}
		}
	}
}

func TestClient_ConnectAddress(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://atlas.example.com": "atlas.example.com:443", "https://atlas.example.com:8443/a": "atlas.example.com:8443",
		"http://localhost": "localhost:80", "http://[::1]:8080": "[::1]:8080",
	} {
		client := newClient(t, base, nil)
		var dialed string
		client.Transport.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
			dialed = address
			return nil, errors.New("no network")
		}
		if err := client.Connect(t.Context()); !errors.Is(err, atlas.ErrUnreachable) || dialed != want {
			t.Errorf("%s: dialed %q, want %q (%v)", base, dialed, want, err)
		}
	}
}

// The rest of a reply that is too large is not left on a connection.
func TestClient_ClosesBody(t *testing.T) {
	t.Parallel()
	server, client := start(t, false)
	ended := make(chan struct{})
	server.Script(func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
		defer close(ended)
		atlastest.GzipBomb(1<<50)(w, r, ok)
	})
	// Not t.Context(): the end of a context closes the connection too.
	if _, err := client.GetToken(context.Background(), credentials, request); err == nil {
		t.Error("no error")
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the server is still sending")
	}
}

// A call does not wait for another one's connection, and closing the idle
// connections does not end a call.
func TestClient_BusyConnection(t *testing.T) {
	t.Parallel()
	server, client := start(t, false)
	if err := client.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	server.Script(atlastest.Hold(release, atlastest.OK()))
	held := make(chan error, 1)
	go func() {
		_, err := client.GetToken(context.Background(), credentials, request)
		held <- err
	}()
	if err := server.WaitRequests(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := call(t, client); err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
	close(release)
	if err := <-held; err != nil || len(server.Requests()) != 2 {
		t.Errorf("after %d requests: %v", len(server.Requests()), err)
	}
}

func TestClient_Concurrent(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		_, client := start(t, secure)
		if err := client.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if err := call(t, client); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
