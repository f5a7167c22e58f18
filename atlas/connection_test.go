package atlas_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/internal/faultscript"
)

// dial is an http.Transport's DialContext.
type dial = func(context.Context, string, string) (net.Conn, error)

func failing(err error) dial {
	return func(context.Context, string, string) (net.Conn, error) { return nil, err }
}

// silent connects to a server that does not read.
func silent(context.Context, string, string) (net.Conn, error) {
	client, _ := net.Pipe()
	return client, nil
}

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
	client.Transport.DialContext = failing(errors.New("other"))
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
	arrived, release := make(chan struct{}), make(chan struct{})
	server.Script(func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
		close(arrived)
		<-release
		ok(w, r)
	})
	held := make(chan error, 1)
	go func() {
		_, err := client.GetToken(context.Background(), credentials, request)
		held <- err
	}()
	<-arrived
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

func TestTransport_HandshakeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, "https://atlas.example.com", nil)
		client.Transport.TLSHandshakeTimeout = atlas.NewTransport().TLSHandshakeTimeout
		client.Transport.DialContext = silent
		for _, connect := range []func() error{
			func() error { return client.Connect(t.Context()) }, func() error { return call(t, client) },
		} {
			began := time.Now()
			err := connect()
			timedOut := errors.Is(err, atlas.ErrUnreachable) && strings.Contains(err.Error(), "timed out")
			if !timedOut || time.Since(began) != 4*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
	})
}

// lossy is a connection whose network drops what is written once lost is set.
type lossy struct {
	net.Conn
	lost atomic.Bool
}

func (l *lossy) Write(b []byte) (int, error) {
	if l.lost.Load() {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

// A connection that the network has dropped during a freeze is found by pings.
func TestTransport_LostConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := faultscript.NewPipes()
		server := atlastest.NewServer(&atlastest.Options{Listener: network, TLS: true, PublicURL: "https://www.atriptech.com"})
		client := newClient(t, "https://example.com", server)
		client.Transport.HTTP2 = atlas.NewTransport().HTTP2
		var conn atomic.Pointer[lossy]
		client.Transport.DialContext = func(ctx context.Context, kind, address string) (net.Conn, error) {
			dialed, err := network.Dial(ctx, kind, address)
			conn.Store(&lossy{Conn: dialed})
			return conn.Load(), err
		}
		if err := call(t, client); err != nil {
			t.Fatal(err)
		}
		conn.Load().lost.Store(true)
		began := time.Now()
		if err := call(t, client); err != nil || time.Since(began) != 4*time.Second || server.Connections() != 2 {
			t.Errorf("after %v on connection %d: %v", time.Since(began), server.Connections(), err)
		}
		client.CloseIdleConnections()
		server.Close()
	})
}

// A listener with a full queue drops new connections, as a firewall does.
func TestTransport_DialTimeout(t *testing.T) {
	t.Parallel()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	raw, err := listener.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), 0) }); err != nil { // the shortest queue
		t.Fatal(err)
	}
	for range 2 {
		conn, err := net.DialTimeout("tcp", listener.Addr().String(), 100*time.Millisecond)
		if err != nil {
			break // the queue is full
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = newClient(t, "http://"+listener.Addr().String(), nil).Connect(ctx)
	if err == nil || !strings.Contains(err.Error(), "connecting timed out") {
		t.Errorf("the error is %v", err)
	}
}

func TestTransport_Proxy(t *testing.T) {
	t.Parallel()
	request := httptest.NewRequest(http.MethodPost, "https://atlas.example.com", nil)
	if proxy, err := atlas.NewTransport().Proxy(request); err != nil || proxy == nil || proxy.String() != environmentProxy {
		t.Errorf("the proxy is %v, %v", proxy, err)
	}
}

const environmentProxy = "http://127.0.0.1:1"

// TestMain sets the proxy, which net/http reads from the environment once.
func TestMain(m *testing.M) {
	_ = errors.Join(os.Setenv("HTTPS_PROXY", environmentProxy), os.Setenv("NO_PROXY", "none.example.com"))
	os.Exit(m.Run())
}

func TestTransport_TLS(t *testing.T) {
	t.Parallel()
	if c := atlas.NewTransport().TLSClientConfig; c.MinVersion != tls.VersionTLS12 || c.ClientSessionCache == nil {
		t.Error("TLS 1.1 is accepted, or sessions are not resumed")
	}
}
