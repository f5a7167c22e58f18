// Package local runs cmd/local for tests of the whole system: every part of it
// on free ports of this machine.
package local

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build builds cmd/local once a test binary.
var build = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(root, "build", "e2e", filepath.Base(os.Args[0])+"-local")
	command := exec.Command("go", "build", "-o", binary, "./cmd/local")
	command.Dir, command.Stderr = root, os.Stderr
	return binary, command.Run()
})

// System is a running cmd/local: where its parts are, and what it wrote.
type System struct {
	// The parts' addresses. API is the broker's whole URL.
	Console, API, Issuer, Atlas, Secrets string

	mu    sync.Mutex
	lines []string
}

// Start runs cmd/local until the test ends, with variables (name=value) added to
// its environment. The calling package has to stand two folders below the
// checkout's root.
func Start(t testing.TB, variables ...string) *System {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatalf("build cmd/local: %v", err)
	}
	command := exec.Command(binary, "-json", "-console-port=0", "-api-port=0", "-issuer-port=0", "-atlas-port=0", "-secrets-port=0")
	command.Dir = "../.." // where the default policy is
	command.Env = append(os.Environ(), variables...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := &System{}
	ready := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.mu.Lock()
			s.lines = append(s.lines, lines.Text())
			s.mu.Unlock()
			if strings.Contains(lines.Text(), `"message":"ready"`) {
				ready <- json.Unmarshal(lines.Bytes(), s)
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := command.Wait(); err != nil {
			t.Errorf("cmd/local ended badly: %v", err)
		}
	})
	select {
	case err := <-ready:
		if err != nil {
			t.Fatal(err)
		}
	case <-ended:
		t.Fatal("cmd/local did not start")
	case <-time.After(time.Minute):
		t.Fatal("cmd/local was not ready within a minute")
	}
	return s
}

// Output is all that cmd/local wrote so far.
func (s *System) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}
