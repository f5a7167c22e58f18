package rig

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startWait bounds how long a process may take to say that it is ready.
const startWait = 2 * time.Minute

// Process is a program that runs beside the test.
type Process struct {
	// Ready holds the groups of the regular expression that told that the process was ready.
	Ready []string

	cmd   *exec.Cmd
	ended chan struct{}
	mu    sync.Mutex
	lines []string
}

// Start starts cmd in the project's root (unless cmd.Dir is set) and waits until a line of its output, standard output
// and standard error together, matches ready. Without a match, or when it ends before, the test ends with what it wrote.
// With the test, it is interrupted and, if that does not end it within seconds, killed.
func Start(t testing.TB, cmd *exec.Cmd, ready string) *Process {
	t.Helper()
	pattern := regexp.MustCompile(ready)
	if cmd.Dir == "" {
		cmd.Dir = Root()
	}
	if cmd.Env == nil {
		cmd.Env = Environ()
	}
	// A group of its own, so that what it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s does not start: %v", cmd.Path, err)
	}
	_ = write.Close()

	p := &Process{cmd: cmd, ended: make(chan struct{})}
	found := make(chan []string, 1)
	go func() {
		defer close(p.ended)
		defer read.Close()
		lines := bufio.NewScanner(read)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			p.mu.Unlock()
			if match := pattern.FindStringSubmatch(lines.Text()); match != nil {
				select {
				case found <- match:
				default:
				}
			}
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(p.Stop)

	select {
	case p.Ready = <-found:
	case <-p.ended:
		t.Fatalf("%s ended before it was ready:\n%s", cmd, p.Output())
	case <-time.After(startWait):
		t.Fatalf("%s was not ready within %v:\n%s", cmd, startWait, p.Output())
	}
	return p
}

// AwaitListener waits until something accepts TCP connections at address, for servers that do not say when they do.
func AwaitListener(t testing.TB, address string) {
	t.Helper()
	deadline := time.After(startWait)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-deadline:
			t.Fatalf("nothing listens at %s after %v: %v", address, startWait, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop interrupts the process's group, as Ctrl-C does, and kills it when it has not ended within ten seconds.
// Further calls do nothing.
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

// Output returns all lines that the process has written so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}
