// Package reliability tests the built bootstrap while things fail: faults of
// Atlas and of Secrets Manager, secret rotations under load, freezes between
// calls, and many thousand calls in one process.
package reliability

import (
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

const (
	// clientSecret must not appear in any output.
	clientSecret = atlastest.DefaultClientSecret

	// closedPort is TCPMUX's, which no machine serves.
	closedPort = "127.0.0.1:1"

	event = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`
)

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil { // these tests mostly wait
		panic(err)
	}
	os.Exit(m.Run())
}

// system is the function and both of its upstreams.
type system struct {
	*lambdatest.Broker
	t *testing.T
	// afterStart breaks something once the function has started.
	afterStart func()
}

func newSystem(t *testing.T) *system {
	return &system{lambdatest.NewBroker(t, lambdatest.Bootstrap(t), atlasOptions(false), nil), t, func() {}}
}

func atlasOptions(secure bool) *atlastest.Options {
	return &atlastest.Options{TLS: secure, PublicURL: "https://portal.atriptech.com"}
}

// startAtlas starts another simulator and points the function at it.
func (s *system) startAtlas(secure bool) {
	s.Atlas = atlastest.NewServer(atlasOptions(secure))
	s.t.Cleanup(s.Atlas.Close)
	s.Env["ATLAS_BASE_URL"] = s.Atlas.URL
}

func secretValue(clientSecret string) string {
	return fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, atlastest.DefaultClientID, clientSecret)
}

func credential(clientSecret string) atlastest.Credential {
	return atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: clientSecret}
}

func (s *system) call() lambdatest.Reply { return s.Call(s.t, "service", []byte(event)) }

// trust makes a certificate the function's only root.
func (s *system) trust(der []byte) {
	file := filepath.Join(s.t.TempDir(), "root.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.Env["SSL_CERT_FILE"] = file
}

// proxy puts toxiproxy between the function and the server that a variable
// names, with toxics.
func (s *system) proxy(variable string, toxics ...string) *toxiproxy.Proxy {
	proxy := rig.Proxy(s.t, strings.TrimPrefix(s.Env[variable], "http://"), toxics...)
	s.Env[variable] = "http://" + proxy.Listen
	return proxy
}

// listener listens on loopback until the test ends.
func (s *system) listener() *net.TCPListener {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// blackHole returns an address that does not answer packets: the kernel drops
// a SYN when the listener's queue is full.
func (s *system) blackHole() string {
	listener := s.listener()
	raw, err := listener.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), 0) }) // makes the queue as short as possible
	if err != nil || listenErr != nil {
		s.t.Fatal(err, listenErr)
	}
	for range 4 {
		conn, err := net.DialTimeout("tcp", listener.Addr().String(), 300*time.Millisecond)
		if err != nil {
			return listener.Addr().String()
		}
		s.t.Cleanup(func() { _ = conn.Close() })
	}
	s.t.Fatal("the listener's queue does not fill")
	return ""
}

// audit returns the audit lines. Call it after the process has ended: before,
// the last line may be incomplete.
func (s *system) audit() (lines []map[string]any) {
	for line := range strings.Lines(s.Stdout()) {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil && m["message"] == "request" {
			lines = append(lines, m)
		}
	}
	return lines
}

// keepsSecrets fails the test if the process wrote a client secret or a token.
func (s *system) keepsSecrets() {
	s.t.Helper()
	out := s.Stdout() + s.Stderr()
	if strings.Contains(out, clientSecret) || strings.Contains(out, "token=") {
		s.t.Errorf("the process wrote the secret or a token url:\n%s", out)
	}
}
