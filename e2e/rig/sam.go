package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SAM returns a command of SAM CLI with Environ, and with overrides (Name=Value) and this machine's architecture as the
// stack's parameters.
func SAM(t testing.TB, args []string, overrides ...string) *exec.Cmd {
	t.Helper()
	args = append(append(args, "--parameter-overrides"), append(overrides, "Architecture="+Architecture())...)
	if image := os.Getenv("LAMBDA_IMAGE"); image != "" && args[0] == "local" { // from tools/docker.sh
		args = append([]string{"local", args[1], "--invoke-image", image}, args[2:]...)
	}
	// No context of the test: its end would kill the command before it has removed its containers.
	cmd := exec.Command(Tool(t, "sam"), args...)
	cmd.Dir, cmd.Env = Root(), Environ()
	return cmd
}

// Build runs `sam build` for this machine into a temporary folder and returns the path of the built template.
func Build(t testing.TB) string {
	t.Helper()
	// In the repository, as some Docker engines cannot mount the system's temporary folder.
	parent := filepath.Join(Root(), ".aws-sam")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(parent, "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if out, err := SAM(t, []string{"build", "--build-dir", dir}).CombinedOutput(); err != nil {
		t.Fatalf("sam build: %v\n%s", err, out)
	}
	return filepath.Join(dir, "template.yaml")
}
