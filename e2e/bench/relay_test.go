package bench

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// relay returns an address from which target seems a round-trip time away. It
// delays data by half of it in each direction, and the first data by the TCP
// handshake too, which loopback completes at once.
func relay(t testing.TB, target string, rtt time.Duration) (address string) {
	t.Helper()
	if rtt == 0 {
		return target
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			connected := time.Now().Add(rtt)
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go pump(server, client, connected, rtt/2)
			go pump(client, server, connected, rtt/2)
		}
	}()
	return listener.Addr().String()
}

// pump copies data as if it were sent after the connection is there and
// arrived delay later.
func pump(to, from net.Conn, connected time.Time, delay time.Duration) {
	type piece struct {
		due  time.Time
		data []byte
	}
	pieces := make(chan piece, 256)
	go func() {
		defer to.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				_ = from.Close() // ends the reader
			}
		}
	}()
	defer close(pieces)
	for {
		data := make([]byte, 16<<10)
		n, err := from.Read(data)
		if n > 0 {
			sent := time.Now()
			if sent.Before(connected) {
				sent = connected
			}
			pieces <- piece{sent.Add(delay), data[:n]}
		}
		if err != nil {
			return
		}
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		conn, err := echo.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	const rtt = 20 * time.Millisecond
	began := time.Now()
	conn, err := net.Dial("tcp", relay(t, echo.Addr().String(), rtt))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := strings.Repeat("the quick brown fox ", 20_000)
	go func() { _, _ = io.WriteString(conn, sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != sent {
		t.Errorf("%d bytes did not come back in order: %v", len(got), err)
	}
	// The handshake and the way there and back. Only a relay without delay is faster.
	if took := time.Since(began); took < 2*rtt {
		t.Errorf("the data came back after %v, want at least %v", took, 2*rtt)
	}
}
