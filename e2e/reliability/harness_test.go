// Package reliability tests the built bootstrap while things fail: faults of
// Atlas and of Secrets Manager, secret rotations under load, freezes between
// calls, and many thousand calls in one process.
package reliability

import (
	"context"
	"encoding/json"
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
	"github.com/rs/zerolog"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

const (
	// timeout is the function's, so short that a row takes seconds.
	timeout = 4 * time.Second
	// attempt is ATLAS_ATTEMPT_TIMEOUT.
	attempt = 1200 * time.Millisecond
	// clientSecret must not appear in any output.
	clientSecret = "MARKED-client-secret-9d2f"

	event = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`
)

var bootstrap string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "reliability")
	if err != nil {
		panic(err)
	}
	if bootstrap, err = lambdatest.BuildFunction(context.Background(), dir); err != nil {
		panic(err)
	}
	// These tests mostly wait.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// system is the function and both of its upstreams.
type system struct {
	t        *testing.T
	atlas    *atlastest.Server
	secrets  *secrettest.Server
	function *lambdatest.Function
	// program is the bootstrap, or a script that runs it.
	program string
	// env is the function's environment, to be changed before start.
	env map[string]string
	// afterStart breaks something once the function has started.
	afterStart func()
}

func newSystem(t *testing.T) *system {
	s := &system{t: t, program: bootstrap, afterStart: func() {}}
	s.secrets = secrettest.NewServer(&secrettest.Options{Value: secretValue(clientSecret)})
	t.Cleanup(s.secrets.Close)
	s.env = map[string]string{
		"ATLAS_SECRET_ARN": s.secrets.ARN, "ATLAS_ATTEMPT_TIMEOUT": attempt.String(), "LAMBDA_TASK_ROOT": filepath.Dir(bootstrap),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.secrets.URL,
		"AWS_REGION":                       secrettest.Region, "AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example",
	}
	s.startAtlas(atlastest.Options{})
	return s
}

// startAtlas starts the simulator and points the function at it.
func (s *system) startAtlas(o atlastest.Options) {
	o.ClientSecret, o.PublicURL = clientSecret, "https://portal.atriptech.com"
	s.atlas = atlastest.NewServer(&o)
	s.t.Cleanup(s.atlas.Close)
	s.env["ATLAS_BASE_URL"] = s.atlas.URL
}

func secretValue(clientSecret string) string {
	return fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, atlastest.DefaultClientID, clientSecret)
}

func credential(clientSecret string) atlastest.Credential {
	return atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: clientSecret}
}

func (s *system) start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	f, err := lambdatest.Start(ctx, lambdatest.Options{Path: s.program, Env: s.env})
	if err != nil {
		s.t.Fatal(err)
	}
	s.function = f
	s.t.Cleanup(f.Stop)
}

// call makes one call, which must get an answer.
func (s *system) call() lambdatest.Reply {
	s.t.Helper()
	reply, err := s.function.Invoke(s.t.Context(), []byte(event), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply
}

// trust makes these certificates the function's only roots.
func (s *system) trust(pem []byte) {
	file := filepath.Join(s.t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.env["SSL_CERT_FILE"] = file
}

// proxy puts toxiproxy between the function and the server that a variable
// names, with one toxic unless that is "".
func (s *system) proxy(variable, toxic string) *toxiproxy.Proxy {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, s.t.Name(), "127.0.0.1:0", strings.TrimPrefix(s.env[variable], "http://"))
	if err := proxy.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(proxy.Stop)
	if toxic != "" {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.env[variable] = "http://" + proxy.Listen
	return proxy
}

// listen serves TCP connections on loopback with serve until the test ends.
func (s *system) listen(serve func(net.Conn)) (address string) {
	listener := s.listener()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// closedPort returns an address without a listener.
func (s *system) closedPort() string {
	listener := s.listener()
	_ = listener.Close()
	return listener.Addr().String()
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

// listener listens on loopback until the test ends.
func (s *system) listener() *net.TCPListener {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// waitExit waits until the process has ended.
func (s *system) waitExit() {
	s.t.Helper()
	select {
	case <-s.function.Exited():
	case <-time.After(time.Minute):
		s.t.Fatal("the process did not end")
	}
}

// audit returns the audit lines. Call it after the process has ended: before,
// the last line may be incomplete.
func (s *system) audit() (lines []map[string]any) {
	for line := range strings.Lines(s.function.Stdout()) {
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
	out := s.function.Stdout() + s.function.Stderr()
	if strings.Contains(out, clientSecret) || strings.Contains(out, "token=") {
		s.t.Errorf("the process wrote the secret or a token url:\n%s", out)
	}
}
