package reliability

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

const (
	// timeout is the function's own, so that a row takes seconds.
	timeout = 4 * time.Second
	// attempt is the function's ATLAS_ATTEMPT_TIMEOUT.
	attempt = 1200 * time.Millisecond
	// clientSecret must be in no output.
	clientSecret = "MARKED-client-secret-9d2f"

	// portal is where the urls that the simulator mints point to. Nobody opens them.
	portal = "https://portal.atriptech.com"

	event = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`
)

var bootstrap string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "reliability")
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	if bootstrap, err = lambdatest.Build(ctx, dir, "../../cmd/lambda"); err != nil {
		panic(err)
	}
	cancel()
	// These tests wait far more than they work.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// system is the function with both of its upstreams, as one row arranges them.
type system struct {
	t       *testing.T
	atlas   *atlastest.Server
	secrets *secrettest.Server
	// env is the function's environment; a row changes it before start.
	env  map[string]string
	runs *lambdatest.Function
}

func newSystem(t *testing.T) *system {
	s := &system{t: t}
	s.atlas = atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret, PublicURL: portal})
	t.Cleanup(s.atlas.Close)
	s.secrets = secrettest.NewServer(&secrettest.Options{
		Value: fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, atlastest.DefaultClientID, clientSecret),
	})
	t.Cleanup(s.secrets.Close)
	policies, err := filepath.Abs("../../policy/default.cedar")
	if err != nil {
		t.Fatal(err)
	}
	s.env = map[string]string{
		"ATLAS_BASE_URL": s.atlas.URL, "ATLAS_SECRET_ARN": s.secrets.ARN, "ATRIP_POLICY_FILE": policies,
		"ATLAS_ATTEMPT_TIMEOUT": attempt.String(), "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.secrets.URL,
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example",
	}
	return s
}

func (s *system) start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	f, err := lambdatest.Start(ctx, lambdatest.Options{Path: bootstrap, Env: s.env})
	if err != nil {
		s.t.Fatal(err)
	}
	s.runs = f
	s.t.Cleanup(f.Stop)
}

// overTLS puts Atlas behind this TLS server. The function trusts its
// certificate when trusted is set.
func (s *system) overTLS(trusted bool) {
	s.atlas.Close()
	s.atlas = atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret, TLS: true, PublicURL: portal})
	s.t.Cleanup(s.atlas.Close)
	s.env["ATLAS_BASE_URL"] = s.atlas.URL
	if trusted {
		s.trust(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.atlas.Certificate().Raw}))
	}
}

// trust makes these certificates the only roots that the function knows.
func (s *system) trust(pem []byte) {
	file := filepath.Join(s.t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.env["SSL_CERT_FILE"] = file
}

// toxic puts toxiproxy with one toxic between the function and a URL, and
// returns the URL to use instead.
func (s *system) toxic(url, toxic string) (string, *toxiproxy.Proxy) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, s.t.Name(), "127.0.0.1:0", strings.TrimPrefix(url, "http://"))
	if err := proxy.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(proxy.Stop)
	if toxic != "" {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			s.t.Fatal(err)
		}
	}
	return "http://" + proxy.Listen, proxy
}

// listen serves TCP connections on loopback with serve until the test ends.
func (s *system) listen(serve func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	var served sync.WaitGroup
	s.t.Cleanup(func() {
		_ = listener.Close()
		served.Wait()
	})
	stop := s.t.Context()
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer conn.Close()
				cancel := context.AfterFunc(stop, func() { _ = conn.Close() })
				defer cancel()
				serve(conn)
			})
		}
	})
	return listener.Addr().String()
}

// silent is a peer that takes what comes and never answers.
func silent(conn net.Conn) {
	buffer := make([]byte, 4096)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

// closedPort is an address where nobody listens.
func (s *system) closedPort() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// blackHole is an address whose packets are not answered: a listener whose
// queue is full drops every further SYN.
func (s *system) blackHole() string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		s.t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		s.t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 4 {
		ctx, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		cancel()
		if err != nil {
			return address
		}
		s.t.Cleanup(func() { _ = conn.Close() })
	}
	s.t.Fatal("the listener's queue does not fill")
	return ""
}

// tlsPeer is a TLS server that shows this certificate.
func (s *system) tlsPeer(config *tls.Config) string {
	return s.listen(func(conn net.Conn) {
		peer := tls.Server(conn, config)
		_ = peer.HandshakeContext(s.t.Context())
	})
}

// audit returns the function's last audit line. Call it once the process has
// ended: until then a line may be under way.
func (s *system) audit() map[string]any {
	var last map[string]any
	for line := range strings.Lines(s.runs.Stdout()) {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil && m["message"] == "request" {
			last = m
		}
	}
	return last
}

// leaked reports whether the process wrote the secret or a token url.
func (s *system) leaked() bool {
	out := s.runs.Stdout() + s.runs.Stderr()
	return strings.Contains(out, clientSecret) || strings.Contains(out, "token=")
}
