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
	if a, b := sums(t, one), sums(t, two); a != b || !strings.Contains(a, "  atriptoken-v0.0.0-arm64.zip\n") {
		t.Errorf("the sums differ, or are of something else:\n%s%s", a, b)
	}
	t.Run("and SAM CLI takes them without Go", func(t *testing.T) { packaged(t, filepath.Join(one, "atriptoken-v0.0.0-arm64.zip")) })
}

// packaged does what `sam deploy` does up to CloudFormation, which moto cannot do for SAM's templates: it checks the template
// and uploads the code to S3, from the unpacked zip and with no Go in the path.
func packaged(t *testing.T, bundle string) {
	dir := t.TempDir()
	rig.Run(t, rig.Tool(t, "python"), "-m", "zipfile", "-e", bundle, dir)
	moto := rig.Moto(t, "127.0.0.1")
	rig.AWS(t, moto, "s3", "create_bucket", map[string]any{
		"Bucket": "artifacts", "CreateBucketConfiguration": map[string]any{"LocationConstraint": rig.Region},
	})
	for _, args := range [][]string{
		{"validate", "--lint", "--template", "template.yaml"},
		{"package", "--template", "template.yaml", "--s3-bucket", "artifacts", "--output-template-file", "packaged.yaml"},
	} {
		command := exec.Command(rig.Tool(t, "sam"), args...)
		command.Dir = dir
		command.Env = append(rig.Environ("AWS_ENDPOINT_URL="+moto), "PATH="+filepath.Dir(rig.Tool(t, "sam")))
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("sam %s: %v\n%s", args[0], err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "packaged.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "CodeUri: s3://artifacts/"); n != 2 {
		t.Errorf("%d functions have their code in S3, want both", n)
	}
}

// build unpacks the commit, makes the release and returns the folder that it is in.
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
	return filepath.Join(dir, "dist")
}

func sums(t *testing.T, dist string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// modules is where this machine keeps what go.sum has already checked.
func modules(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(rig.Run(t, "go", "env", "GOMODCACHE"))
}
