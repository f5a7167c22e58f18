package reliability

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
)

// Lambda freezes the process between calls; SIGSTOP does the same here.
const (
	freezeCalls = 1000
	freezeEvery = 50
	freezeFor   = 2 * time.Second
)

func TestFreeze(t *testing.T) {
	for name, change := range map[string]func(*system, *toxiproxy.Proxy){
		"Atlas closes its side":       func(s *system, _ *toxiproxy.Proxy) { s.Atlas.CloseClientConnections() },
		"Atlas moves to another port": moveAtlas,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			proxy := s.proxy("ATLAS_BASE_URL")
			s.Start(s.t)
			failed, retried := 0, 0
			for n := range freezeCalls {
				if n%freezeEvery == freezeEvery-1 {
					s.freeze(func() { change(s, proxy) })
				}
				if reply := s.call(); reply.Failed() {
					failed++
					t.Errorf("call %d failed: %s %s", n, reply.ErrorType, reply.ErrorMessage)
				}
			}
			s.Stop()
			for _, line := range s.audit() {
				if line["Attempts"] != 1.0 {
					retried++
				}
			}
			t.Logf("%d calls, %d freezes of %v, %d failed, %d retried", freezeCalls, freezeCalls/freezeEvery, freezeFor, failed, retried)
			if retried > 0 {
				t.Error("calls were retried; a dead connection is to be replaced within the first attempt")
			}
		})
	}
}

// moveAtlas starts Atlas on another port behind the proxy, whose address stays
// the same, like a load balancer's.
func moveAtlas(s *system, proxy *toxiproxy.Proxy) {
	old := s.Atlas
	s.startAtlas(false)
	old.Close()
	proxy.Stop()
	proxy.Upstream = strings.TrimPrefix(s.Atlas.URL, "http://")
	if err := proxy.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// freeze changes something while the process is frozen.
func (s *system) freeze(change func()) {
	s.t.Helper()
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	change()
	time.Sleep(freezeFor)
	if err := s.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
}
