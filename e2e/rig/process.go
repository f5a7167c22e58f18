package rig

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strings"
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

	cmd   *exec.Cmd
	ended chan struct{}
	mu    sync.Mutex
	lines []string
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Stop reaches its children
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	_ = write.Close()

	p := &Process{cmd: cmd, ended: make(chan struct{})}
	found := make(chan []string, 1)
	go p.read(read, regexp.MustCompile(ready), found)
	t.Cleanup(p.Stop)
	select {
	case p.Ready = <-found:
	case <-p.ended:
		t.Fatalf("%s ended before it was ready:\n%s", cmd, p.Output())
	case <-time.After(startTimeout):
		t.Fatalf("%s was not ready within %v:\n%s", cmd, startTimeout, p.Output())
	}
	return p
}

// read collects the output until the process ends.
func (p *Process) read(output *os.File, ready *regexp.Regexp, found chan<- []string) {
	defer close(p.ended)
	defer output.Close()
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
		if match := ready.FindStringSubmatch(lines.Text()); match != nil {
			select {
			case found <- match:
			default:
			}
		}
	}
	_ = p.cmd.Wait() // ExitCode returns the result
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
	return strings.Join(p.lines, "\n")
}
