// Package lambdatest runs a built Lambda bootstrap as Lambda does, for tests: a
// real process with its own environment, and a Runtime API on loopback.
//
// [NewBroker] adds simulators to the built function; [Event] returns sample events.
// Not simulated of the Runtime API (Lambda developer guide, "Using the Lambda runtime
// API for custom runtimes"): Lambda's own timeout, restarts and response streaming.
package lambdatest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Function is a running bootstrap. Its methods are safe for concurrent use.
type Function struct {
	cmd            *exec.Cmd
	server         *httptest.Server
	stdout, stderr output
	started        time.Time
	init           time.Duration // valid after ready is closed

	ready  chan struct{} // closed at the first request for an invocation
	once   sync.Once     // closes ready
	exited chan struct{} // closed once the process has ended

	queue   chan *invocation
	last    atomic.Int64 // number of invocations
	running sync.Map     // request id to *invocation
}

// Start starts the bootstrap with this environment, AWS_LAMBDA_RUNTIME_API, and
// nothing inherited. It returns when the bootstrap asks for its first invocation,
// which ends Lambda's INIT phase. If the process ends before, the error contains the
// exit status and the standard error output; if ctx does, it is ctx's error.
func Start(ctx context.Context, path string, env map[string]string) (*Function, error) {
	f := &Function{cmd: exec.Command(path), ready: make(chan struct{}), exited: make(chan struct{}), queue: make(chan *invocation)}
	f.server = httptest.NewUnstartedServer(f.api())
	f.cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + f.server.Listener.Addr().String()}
	for name, value := range env {
		f.cmd.Env = append(f.cmd.Env, name+"="+value)
	}
	f.cmd.Stdout, f.cmd.Stderr = &f.stdout, &f.stderr
	f.cmd.WaitDelay = time.Second // a child of a killed process may keep its pipes open
	f.started = time.Now()
	f.server.Start()
	if err := f.cmd.Start(); err != nil {
		f.server.Close()
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	go func() {
		_ = f.cmd.Wait() // ProcessState has the result
		close(f.exited)
	}()
	select {
	case <-f.ready:
		return f, nil
	case <-f.exited:
		f.server.Close()
		return nil, f.exitError()
	case <-ctx.Done():
		f.Stop()
		return nil, fmt.Errorf("lambdatest: the function did not ask for an invocation: %w", ctx.Err())
	}
}

// Stop kills the process, as Lambda does with an environment it no longer
// needs, and returns when it has ended. Further calls do nothing.
func (f *Function) Stop() {
	_ = f.cmd.Process.Kill() // fails if the process has already ended
	<-f.exited
	f.server.Close()
}

// Signal sends a signal to the process. SIGSTOP and SIGCONT act like Lambda's
// freeze and thaw, SIGTERM like its shutdown.
func (f *Function) Signal(signal os.Signal) error { return f.cmd.Process.Signal(signal) }

// PID returns the process's id.
func (f *Function) PID() int { return f.cmd.Process.Pid }

// InitDuration returns the time from the start of the process to its first
// request for an invocation.
func (f *Function) InitDuration() time.Duration { return f.init }

// Exited is closed once the process has ended.
func (f *Function) Exited() <-chan struct{} { return f.exited }

// Stdout returns the standard output so far.
func (f *Function) Stdout() string { return f.stdout.String() }

// Stderr returns the standard error output so far.
func (f *Function) Stderr() string { return f.stderr.String() }

func (f *Function) exitError() error {
	return fmt.Errorf("lambdatest: the function's process has ended: %s: %s", f.cmd.ProcessState, strings.TrimSpace(f.stderr.String()))
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
