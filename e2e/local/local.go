// Package local runs cmd/local for tests of the whole system, on free ports.
package local

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"atriptoken/e2e/rig"
)

// build builds cmd/local once per test binary.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(rig.Root(), "build", "e2e", filepath.Base(os.Args[0])+"-local")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./cmd/local")
	command.Dir, command.Stderr = rig.Root(), os.Stderr
	return binary, command.Run()
})

// System is a running cmd/local.
type System struct {
	*rig.Process `json:"-"`
	// The parts' addresses. API is the broker's complete URL.
	Console, API, Issuer, Atlas, Secrets string
}

// Start runs cmd/local until the test ends. Each setting is a flag (-origin=...)
// or a variable of its environment (NAME=value).
func Start(t testing.TB, settings ...string) *System {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatalf("build cmd/local: %v", err)
	}
	flags := []string{"-json", "-port=0"}
	var variables []string
	for _, setting := range settings {
		if strings.HasPrefix(setting, "-") {
			flags = append(flags, setting)
		} else {
			variables = append(variables, setting)
		}
	}
	command := exec.Command(binary, flags...)
	command.Env = rig.Environ(variables...)
	s := &System{Process: rig.Start(t, command, `^\{.*"message":"ready".*\}$`)}
	t.Cleanup(func() {
		if code := s.ExitCode(); code != 0 {
			t.Errorf("cmd/local ended with exit code %d:\n%s", code, s.Output())
		}
	})
	if err := json.Unmarshal([]byte(s.Ready[0]), s); err != nil {
		t.Fatal(err)
	}
	return s
}
