package rig

import (
	"bytes"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTimeout bounds the time until a process is ready.
const startTimeout = 2 * time.Minute

// Process is a program that runs during a test.
type Process struct {
	// Ready has the submatches of the output line that reported readiness.
	Ready []string

	cmd    *exec.Cmd
	ended  chan struct{}
	ready  *regexp.Regexp
	found  chan struct{} // closed when Ready is set
	mu     sync.Mutex
	output []byte
}

// Start starts cmd, by default in the root folder with Environ, and waits until
// a line of its output matches ready. It ends the test if the process ends
// before. The process is stopped with the test.
func Start(t testing.TB, cmd *exec.Cmd, ready string) *Process {
	t.Helper()
	if cmd.Dir == "" {
		cmd.Dir = Root()
	}
	if cmd.Env == nil {
		cmd.Env = Environ()
	}
	p := &Process{cmd: cmd, ended: make(chan struct{}), ready: regexp.MustCompile("(?m)" + ready), found: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Stop reaches its children
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p, p, 10*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	go func() {
		_ = cmd.Wait() // ExitCode returns the result
		close(p.ended)
	}()
	t.Cleanup(p.Stop)
	select {
	case <-p.found:
	case <-p.ended:
		t.Fatalf("%s ended before it was ready:\n%s", cmd, p.Output())
	case <-time.After(startTimeout):
		t.Fatalf("%s was not ready within %v:\n%s", cmd, startTimeout, p.Output())
	}
	return p
}

// Write collects the output.
func (p *Process) Write(output []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output = append(p.output, output...)
	if p.Ready == nil {
		lines := p.output[:bytes.LastIndexByte(p.output, '\n')+1]
		if p.Ready = p.ready.FindStringSubmatch(string(lines)); p.Ready != nil {
			close(p.found)
		}
	}
	return len(output), nil
}

// Stop interrupts the process and its children, as Ctrl-C does, and kills them
// after ten seconds. Further calls do nothing.
func (p *Process) Stop() {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		select {
		case <-p.ended:
			return
		default:
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, signal)
		select {
		case <-p.ended:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// ExitCode stops the process and returns its exit code, -1 after a signal.
func (p *Process) ExitCode() int {
	p.Stop()
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// Output returns the standard output and standard error so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.output)
}
