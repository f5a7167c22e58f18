package reliability

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
)

// Lambda freezes the process between calls; SIGSTOP does the same here.
const (
	freezeCalls = 1000
	freezeEvery = 50
	freezeFor   = 2 * time.Second
)

func TestFreeze(t *testing.T) {
	for name, change := range map[string]func(*system, *toxiproxy.Proxy){
		"Atlas closes its side":       func(s *system, _ *toxiproxy.Proxy) { s.atlas.CloseClientConnections() },
		"Atlas moves to another port": moveAtlas,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			proxy := s.proxy("ATLAS_BASE_URL", "")
			s.start()
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
			s.function.Stop()
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
	old := s.atlas
	s.startAtlas(atlastest.Options{})
	old.Close()
	proxy.Stop()
	proxy.Upstream = strings.TrimPrefix(s.atlas.URL, "http://")
	if err := proxy.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// freeze changes something while the process is frozen.
func (s *system) freeze(change func()) {
	s.t.Helper()
	if err := s.function.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	change()
	select {
	case <-time.After(freezeFor):
	case <-s.t.Context().Done():
	}
	if err := s.function.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
}

func TestSIGTERM_AnswersCallsInFlight(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	release := make(chan struct{})
	s.atlas.Script(atlastest.Hold(release, atlastest.OK()))
	s.start()
	type answer struct {
		reply lambdatest.Reply
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		reply, err := s.function.Invoke(t.Context(), []byte(event), nil)
		answered <- answer{reply, err}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.atlas.WaitRequests(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.function.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-answered:
		t.Fatalf("ended with a call in flight: %v, %v", a.reply.ErrorType, a.err)
	case <-time.After(time.Second): // ten times what a process without calls takes to end
	}
	close(release)
	if a := <-answered; a.err != nil || a.reply.Failed() {
		t.Errorf("the call in flight got %v, %v", a.reply.ErrorType, a.err)
	}
	s.waitExit()
	_, err := s.function.Invoke(ctx, []byte(event), nil)
	if !errors.Is(err, lambdatest.ErrExited) || !strings.Contains(err.Error(), "exit status 0") {
		t.Fatalf("after SIGTERM: %v, want exit status 0", err)
	}
	if audit := s.audit(); len(audit) != 1 || audit[0]["outcome"] != ok {
		t.Errorf("the audit lines are %v, want one for the call in flight", audit)
	}
}
