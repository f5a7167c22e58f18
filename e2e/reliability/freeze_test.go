package reliability

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

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
	for name, change := range map[string]func(*frozen){
		"Atlas closes its side":       func(f *frozen) { f.atlas.CloseClientConnections() },
		"Atlas moves to another port": (*frozen).moveAtlas,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrozen(t)
			failed := 0
			for n := range freezeCalls {
				if n%freezeEvery == freezeEvery-1 {
					f.freeze(change)
				}
				if reply := f.call(); reply.Failed() {
					failed++
					t.Errorf("call %d failed: %s %s", n, reply.ErrorType, reply.ErrorMessage)
				}
			}
			t.Logf("%d calls, %d freezes of %v, %d failed", freezeCalls, freezeCalls/freezeEvery, freezeFor, failed)
			f.function.Stop()
			retried := 0
			for _, line := range f.audit() {
				if line["Attempts"] != 1.0 {
					retried++
				}
			}
			if retried > 0 {
				t.Errorf("%d calls needed a second attempt; a dead connection is to be replaced within the first", retried)
			}
		})
	}
}

// frozen is the function with Atlas behind an address that stays the same when
// Atlas moves, like a load balancer's.
type frozen struct {
	*system
	move func(upstream string)
}

func newFrozen(t *testing.T) *frozen {
	s := newSystem(t)
	proxy := s.proxy("ATLAS_BASE_URL", "")
	front := proxy.Listen
	s.start()
	return &frozen{s, func(upstream string) {
		proxy.Stop()
		proxy.Listen, proxy.Upstream = front, upstream
		if err := proxy.Start(); err != nil {
			t.Fatal(err)
		}
	}}
}

func (f *frozen) moveAtlas() {
	old := f.atlas
	f.startAtlas(atlastest.Options{})
	old.Close()
	f.move(strings.TrimPrefix(f.atlas.URL, "http://"))
}

// freeze changes something while the process is frozen.
func (f *frozen) freeze(change func(*frozen)) {
	f.t.Helper()
	if err := f.function.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	change(f)
	select {
	case <-time.After(freezeFor):
	case <-f.t.Context().Done():
	}
	if err := f.function.Signal(syscall.SIGCONT); err != nil {
		f.t.Fatal(err)
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
