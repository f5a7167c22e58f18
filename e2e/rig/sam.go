package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SAM returns a command of SAM CLI with the developer's settings kept away and this machine's architecture among the
// stack's parameters, to which overrides (Name=Value) are added.
func SAM(t testing.TB, args []string, overrides ...string) *exec.Cmd {
	t.Helper()
	args = append(args, "--parameter-overrides", "Architecture="+Architecture())
	// Without the test's context, whose end would kill it before it can remove its containers.
	cmd := exec.Command(Tool(t, "sam"), append(args, overrides...)...)
	cmd.Dir, cmd.Env = Root(), Environ()
	return cmd
}

// Build runs `sam build` for this machine's architecture into a folder of the test's own and returns the path of the
// built template.
func Build(t testing.TB) string {
	t.Helper()
	// Inside the project: the Docker engine of some systems shares nothing of the temporary folder.
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
