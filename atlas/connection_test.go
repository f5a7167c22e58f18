package atlas_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
)

// eachWay runs a test with and without TLS, with and without a connection opened
// ahead.
func eachWay(t *testing.T, test func(t *testing.T, server *atlastest.Server, client *atlas.Client)) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for _, ahead := range []bool{false, true} {
			t.Run(fmt.Sprintf("TLS %v, ahead %v", secure, ahead), func(t *testing.T) {
				server, client := start(t, secure)
				if ahead {
					if err := client.Connect(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				test(t, server, client)
			})
		}
	}
}

func TestClient_ConnectionReused(t *testing.T) {
	eachWay(t, func(t *testing.T, server *atlastest.Server, client *atlas.Client) {
		for n := range 3 {
			if requests := len(server.Requests()); requests != n {
				t.Errorf("%d requests were sent, want %d", requests, n)
			}
			if err := call(t, client); err != nil {
				t.Fatal(err)
			}
		}
		if n := server.Connections(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		want := map[string]string{"http": "HTTP/1.1", "https": "HTTP/2.0"}[client.BaseURL.Scheme]
		if got := server.Requests()[0].Proto; got != want {
			t.Errorf("the protocol is %s, want %s", got, want)
		}
	})
}

func TestClient_DeadConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, server *atlastest.Server, client *atlas.Client) {
		for range 20 {
			server.CloseClientConnections()
			if err := call(t, client); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestClient_DeadAndNoOther(t *testing.T) {
	t.Parallel()
	server, client := start(t, false)
	if err := call(t, client); err != nil {
		t.Fatal(err)
	}
	client.Transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("other") }
	server.CloseClientConnections()
	if err := call(t, client); !errors.Is(err, atlas.ErrUnreachable) {
		t.Errorf("the error is %v", err)
	}
}

func TestClient_IdleConnection(t *testing.T) {
	eachWay(t, func(t *testing.T, server *atlastest.Server, client *atlas.Client) {
		now := time.Now().Round(0) // that of the connection opened ahead
		for i, row := range []struct {
			idle        time.Duration
			connections int
		}{{0, 1}, {240 * time.Second, 1}, {240*time.Second + 1, 2}, {240 * time.Second, 2}, {-1, 3}, {0, 3}} {
			now = now.Add(row.idle)
			client.Now = func() time.Time { return now }
			if err := call(t, client); err != nil {
				t.Fatal(err)
			}
			if n := server.Connections(); n != row.connections {
				t.Errorf("call %d after %v: %d connections, want %d", i, row.idle, n, row.connections)
			}
		}
	})
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
	eachWay(t, func(t *testing.T, _ *atlastest.Server, client *atlas.Client) {
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if err := call(t, client); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}
