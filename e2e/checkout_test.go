package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// TestCheckout_OtherOwnerAndSpace runs make in a clone that belongs to another user, in a folder with a space, without Go's and
// git's settings of this machine.
func TestCheckout_OtherOwnerAndSpace(t *testing.T) {
	t.Parallel()
	project := filepath.Join(t.TempDir(), "a folder")
	rig.Run(t, "git", "clone", "-q", ".", project)
	if os.Getuid() == 0 {
		err := filepath.WalkDir(project, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 65534, 65534)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	environment := rig.Environ("GOENV=off", "GOFLAGS=", "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1")
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		environment = append(environment, name+"="+strings.TrimSpace(rig.Run(t, "go", "env", name)))
	}
	for _, row := range []struct{ args, want string }{
		{"build", "go build"},
		{"policy-matrix", "Customer service"},
		{"run ARGS=-help", "Usage of"},
		{"doctor ARGS=-policy", "cloudformation:DescribeStacks"},
		{"secret ARGS=-help", "usage: putsecret"},
		{"fmt", ""},
		{"cover COVERED=./policy", "coverage:"},
		{"-f tools/arm64/Makefile build-ProbeFunction ARTIFACTS_DIR=build/probe", "GOARCH=arm64"},
		{"release ARCHITECTURES=arm64 VERSION=v0", "atriptoken-v0-arm64.zip"},
		{"sbom ARCHITECTURES=arm64 VERSION=v0", ""},
		{"clean", ""},
	} {
		command := exec.Command("make", append([]string{"-C", project}, strings.Fields(row.args)...)...)
		command.Env = environment
		out, err := command.CombinedOutput()
		asked := strings.Contains(row.args, "-help")
		if err != nil && !asked || strings.Contains(string(out), "VCS status") || !strings.Contains(string(out), row.want) {
			t.Errorf("make %s: %v, want %q\n%s", row.args, err, row.want, out)
		}
	}
}
