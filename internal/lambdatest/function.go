package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Options say what to run. Path is required.
type Options struct {
	// Path is the bootstrap's file.
	Path string
	// Env is the process's whole environment, but for AWS_LAMBDA_RUNTIME_API,
	// which is added. Nothing is inherited.
	Env map[string]string
	// Dir is the working directory. Empty means the test's own.
	Dir string
}

// ErrExited is what Start and Invoke return when the process has ended. The
// error's text has the exit status and what it wrote to stderr.
var ErrExited = errors.New("lambdatest: the function's process has ended")

// Function is a running bootstrap. Its methods may be called from any goroutine.
type Function struct {
	api    *runtimeAPI
	server *httptest.Server
	cmd    *exec.Cmd
	stdout output
	stderr output

	exited chan struct{} // closed once the process has ended
	status error         // of Wait; read after exited is closed
	stop   sync.Once
}

// Start runs the bootstrap and returns when it asks for its first invocation,
// which is when Lambda's INIT phase ends. It fails with ErrExited when the
// process ends instead, with the text that the process reported as an init
// error, if it did; and with ctx's error when ctx ends first.
func Start(ctx context.Context, o Options) (*Function, error) {
	f := &Function{api: newRuntimeAPI(), exited: make(chan struct{})}
	f.server = httptest.NewServer(f.api.handler())
	f.cmd = exec.Command(o.Path)
	f.cmd.Dir = o.Dir
	f.cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.server.URL, "http://")}
	for name, value := range o.Env {
		f.cmd.Env = append(f.cmd.Env, name+"="+value)
	}
	f.cmd.Stdout, f.cmd.Stderr = &f.stdout, &f.stderr
	// A process that was killed may leave a child that holds its pipes.
	f.cmd.WaitDelay = time.Second
	if err := f.cmd.Start(); err != nil {
		f.close()
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	go func() {
		f.status = f.cmd.Wait()
		close(f.exited)
	}()
	select {
	case <-f.api.ready:
		return f, nil
	case <-f.exited:
		f.close()
		return nil, f.ended()
	case <-ctx.Done():
		f.Stop()
		return nil, fmt.Errorf("lambdatest: the function did not ask for work: %w", ctx.Err())
	}
}

// Stop kills the process, as Lambda does to an environment that it no longer
// needs, and returns when it has ended. Further calls do nothing.
func (f *Function) Stop() {
	_ = f.cmd.Process.Kill() // an error means that it has ended already
	<-f.exited
	f.close()
}

func (f *Function) close() {
	f.stop.Do(func() {
		f.api.close()
		f.server.CloseClientConnections()
		f.server.Close()
	})
}

// Signal sends a signal to the process: SIGSTOP and SIGCONT do what a freeze
// and a thaw do, SIGTERM what a shutdown does.
func (f *Function) Signal(signal os.Signal) error { return f.cmd.Process.Signal(signal) }

// PID returns the process's id.
func (f *Function) PID() int { return f.cmd.Process.Pid }

// Exited is closed once the process has ended.
func (f *Function) Exited() <-chan struct{} { return f.exited }

// Stdout returns what the process has written to its standard output so far.
func (f *Function) Stdout() string { return f.stdout.String() }

// Stderr returns what the process has written to its standard error so far.
func (f *Function) Stderr() string { return f.stderr.String() }

func (f *Function) ended() error {
	text := strings.TrimSpace(f.stderr.String())
	if reported := f.api.initError(); reported != "" {
		text = strings.TrimSpace(reported + "\n" + text)
	}
	state := "exit status 0"
	if f.status != nil {
		state = f.status.Error()
	}
	return fmt.Errorf("%w: %s: %s", ErrExited, state, text)
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
