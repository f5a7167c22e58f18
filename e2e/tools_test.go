package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// TestNothingIsInstalledIntoTheSystemUnasked runs tools.sh as root on a machine with apt-get and without Python.
func TestNothingIsInstalledIntoTheSystemUnasked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environment []string
		installed   bool
	}{
		"unasked":                {nil, false},
		"CI that is not true":    {[]string{"CI=false"}, false},
		"in CI":                  {[]string{"CI=true"}, true},
		"asked by APT_INSTALL":   {[]string{"APT_INSTALL=true"}, true},
		"anything but true asks": {[]string{"APT_INSTALL="}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project, programs := t.TempDir(), t.TempDir()
			for _, file := range []string{"tools.sh", "apt.sh", "requirements-boto3.txt"} {
				text, err := os.ReadFile(filepath.Join(rig.Root(), "e2e", file))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(project, "e2e", file), string(text))
			}
			for _, program := range []string{"bash", "dirname", "mkdir", "cmp"} {
				path, err := exec.LookPath(program)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(path, filepath.Join(programs, program)); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(programs, "id"), "#!/usr/bin/env bash\necho 0\n")
			write(t, filepath.Join(programs, "apt-get"), "#!/usr/bin/env bash\necho \"$*\" >>\"${0%/*}/asked\"\n")

			command := exec.Command(filepath.Join(project, "tools/tools.sh"), "boto3")
			command.Env = append([]string{"PATH=" + programs}, row.environment...)
			out, err := command.CombinedOutput()
			if err == nil {
				t.Fatalf("it went on without Python: %s", out)
			}
			asked, _ := os.ReadFile(filepath.Join(programs, "asked")) // not there when apt-get was not called
			if want := "update -qq\ninstall -y -qq python3 python3-venv\n"; row.installed && string(asked) != want {
				t.Errorf("apt-get was asked for %q, want %q\n%s", asked, want, out)
			}
			if !row.installed && (len(asked) > 0 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "apt-get install python3 python3-venv")) {
				t.Errorf("apt-get was asked for %q, and tools.sh says %q; want nothing, and one line that names the packages", asked, out)
			}
		})
	}
}

// write makes an executable file.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
