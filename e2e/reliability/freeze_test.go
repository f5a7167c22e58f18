package reliability

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
)

// A freeze is what Lambda does to a process between calls. Each run makes 1,000
// calls, with a freeze after every fiftieth.
const (
	freezeCalls = 1000
	freezeEvery = 50
	freezeFor   = 2 * time.Second
)

func TestFreeze(t *testing.T) {
	for name, meanwhile := range map[string]func(*frozen){
		"Atlas closes its side": func(f *frozen) { f.s.atlas.CloseClientConnections() },
		"Atlas moves to another port": func(f *frozen) {
			f.moveAtlas()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrozen(t)
			failed := 0
			for n := range freezeCalls {
				if n%freezeEvery == freezeEvery-1 {
					f.freeze(meanwhile)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				reply, err := f.s.runs.Invoke(ctx, []byte(event), nil)
				cancel()
				if err != nil {
					t.Fatal(err)
				}
				if reply.Failed() {
					failed++
					t.Errorf("call %d failed: %s %s", n, reply.ErrorType, reply.ErrorMessage)
				}
			}
			t.Logf("%d calls, %d freezes of %v, %d failed", freezeCalls, freezeCalls/freezeEvery, freezeFor, failed)
		})
	}
}

// frozen is the function with Atlas behind an address that stays when Atlas
// itself moves, as a load balancer's name does.
type frozen struct {
	s     *system
	front string
	move  func(upstream string)
}

func newFrozen(t *testing.T) *frozen {
	s := newSystem(t)
	address, proxy := s.toxic(s.atlas.URL, "")
	s.env["ATLAS_BASE_URL"] = address
	f := &frozen{s: s, front: strings.TrimPrefix(address, "http://")}
	f.move = func(upstream string) {
		proxy.Stop()
		proxy.Listen, proxy.Upstream = f.front, upstream
		if err := proxy.Start(); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	return f
}

func (f *frozen) moveAtlas() {
	old := f.s.atlas
	f.s.atlas = atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret, PublicURL: portal})
	f.s.t.Cleanup(f.s.atlas.Close)
	old.Close()
	f.move(strings.TrimPrefix(f.s.atlas.URL, "http://"))
}

func (f *frozen) freeze(meanwhile func(*frozen)) {
	f.s.t.Helper()
	if err := f.s.runs.Signal(syscall.SIGSTOP); err != nil {
		f.s.t.Fatal(err)
	}
	meanwhile(f)
	select {
	case <-time.After(freezeFor):
	case <-f.s.t.Context().Done():
	}
	if err := f.s.runs.Signal(syscall.SIGCONT); err != nil {
		f.s.t.Fatal(err)
	}
}

func TestSIGTERMAnswersWhatIsInFlight(t *testing.T) {
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
		reply, err := s.runs.Invoke(t.Context(), []byte(event), nil)
		answered <- answer{reply, err}
	}()
	for len(s.atlas.Requests()) == 0 {
		time.Sleep(5 * time.Millisecond) // until the call is under way
	}
	if err := s.runs.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(release)
	if a := <-answered; a.err != nil || a.reply.Failed() {
		t.Errorf("the invocation in flight got %v, %v", a.reply.ErrorType, a.err)
	}
	select {
	case <-s.runs.Exited():
	case <-time.After(20 * time.Second):
		t.Fatal("the process goes on after SIGTERM")
	}
	if audit := s.audit(); audit["outcome"] != "OK" {
		t.Errorf("the audit line of the invocation in flight is %v", audit)
	}
}
