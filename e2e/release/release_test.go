// Package release_test checks what `make release` makes.
package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// TestTwoBuildsOfOneCommitGiveTheSameBytes builds the release in two folders,
// of different depth and without a common build cache.
func TestTwoBuildsOfOneCommitGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	commit := filepath.Join(t.TempDir(), "commit.tar")
	rig.Run(t, "git", "archive", "--output", commit, "HEAD")
	one := build(t, commit, "one")
	two := build(t, commit, filepath.Join("a", "deeper", "folder"), "GOCACHE="+t.TempDir(), "TZ=Pacific/Auckland", "HOME="+t.TempDir(), "GOMODCACHE="+modules(t))
	if one != two {
		t.Errorf("the sums differ:\n%s%s", one, two)
	}
	if !strings.Contains(one, "  atriptoken-v0.0.0-arm64.zip\n") {
		t.Errorf("no sum of the release's zip:\n%s", one)
	}
}

// build unpacks the commit, makes the release and returns its SHA256SUMS.
func build(t *testing.T, commit, folder string, env ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rig.Run(t, "tar", "-x", "-f", commit, "-C", dir)
	command := exec.Command("make", "-s", "-C", dir, "release", "VERSION=v0.0.0", "ARCHITECTURES=arm64")
	command.Env = append(os.Environ(), env...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, out)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "dist", "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(sums)
}

// modules is where this machine keeps what go.sum has already checked.
func modules(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(rig.Run(t, "go", "env", "GOMODCACHE"))
}
