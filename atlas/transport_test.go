package atlas_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
)

// pipes is a listener and a dialer in memory, for tests in a synctest bubble. While
// lost is set, the network drops what the client sends.
type pipes struct {
	conns chan net.Conn
	close sync.Once
	lost  atomic.Bool
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	if p.conns != nil {
		p.conns <- server
	}
	return &lossy{Conn: client, lost: &p.lost}, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p *pipes) Close() error   { p.close.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "atlas.example.com"} }

type lossy struct {
	net.Conn
	lost *atomic.Bool
	gone bool
}

func (l *lossy) Write(b []byte) (int, error) {
	if l.gone = l.gone || l.lost.Swap(false); l.gone {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

func TestTransport_HandshakeTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, "https://atlas.example.com", nil)
		client.Transport = atlas.NewTransport()
		client.Transport.DialContext = (&pipes{}).dial // the other end does not read
		for _, connect := range []func() error{
			func() error { return client.Connect(t.Context()) }, func() error { return call(t, client) },
		} {
			began := time.Now()
			err := connect()
			var e *atlas.Error
			timedOut := errors.As(err, &e) && e.Kind == atlas.ErrUnreachable && strings.Contains(e.Detail, "timed out")
			if !timedOut || time.Since(began) != 4*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
	})
}

// A connection that the network has dropped during a freeze is found by pings.
func TestTransport_LostConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{conns: make(chan net.Conn)}
		server := atlastest.NewServer(&atlastest.Options{Listener: network, TLS: true, PublicURL: "https://www.atriptech.com"})
		client := newClient(t, "https://example.com", server)
		client.Transport.HTTP2 = atlas.NewTransport().HTTP2
		client.Transport.DialContext = network.dial
		if err := call(t, client); err != nil {
			t.Fatal(err)
		}
		network.lost.Store(true)
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
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(socket)
	if err := errors.Join(syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(socket, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for range 2 {
		conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			break // the queue is full
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var e *atlas.Error
	if err := newClient(t, "http://"+address, nil).Connect(ctx); !errors.As(err, &e) || !strings.Contains(e.Detail, "connecting timed out") {
		t.Errorf("the error is %v", err)
	}
}

// The proxy of the environment is read once in a process, so this one calls itself.
func TestTransport_Proxy(t *testing.T) {
	t.Parallel()
	const base = "https://atlas.invalid"
	if os.Getenv("TEST_PROXY") != "" {
		client := newClient(t, base, nil)
		client.Transport = nil // the default
		if err := client.Connect(t.Context()); !errors.Is(err, atlas.ErrUnreachable) {
			t.Errorf("the error is %v", err)
		}
		return
	}
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	self.Env = append(os.Environ(), "TEST_PROXY=1", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
	if out, err := self.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	select {
	case got := <-asked:
		if got != "CONNECT atlas.invalid:443" {
			t.Errorf("the proxy was asked for %s", got)
		}
	default:
		t.Error("the proxy was not asked")
	}
}

func TestTransport_TLS(t *testing.T) {
	t.Parallel()
	c := atlas.NewTransport().TLSClientConfig
	if c.MinVersion != tls.VersionTLS12 || c.ClientSessionCache == nil || c.InsecureSkipVerify {
		t.Error("the TLS configuration is too weak")
	}
}
