package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// TestTools_SystemPackages runs tools.sh as root on a machine with apt-get and without Python.
func TestTools_SystemPackages(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environment []string
		installed   bool
	}{
		"not asked":            {nil, false},
		"CI=false":             {[]string{"CI=false"}, false},
		"CI=true":              {[]string{"CI=true"}, true},
		"APT_INSTALL=true":     {[]string{"APT_INSTALL=true"}, true},
		"APT_INSTALL is empty": {[]string{"APT_INSTALL="}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project, programs := t.TempDir(), t.TempDir()
			copyTools(t, project)
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

			command := exec.Command(filepath.Join(project, "tools/tools.sh"), "sam")
			command.Env = append([]string{"PATH=" + programs}, row.environment...)
			out, err := command.CombinedOutput()
			if err == nil {
				t.Fatalf("continued without Python: %s", out)
			}
			asked, _ := os.ReadFile(filepath.Join(programs, "asked")) // missing if apt-get was not called
			if want := "update -qq\ninstall -y -qq python3 python3-venv\n"; row.installed && string(asked) != want {
				t.Errorf("apt-get was called with %q, want %q\n%s", asked, want, out)
			}
			named := strings.Count(string(out), "\n") == 1 && strings.Contains(string(out), "apt-get install python3 python3-venv")
			if !row.installed && (len(asked) > 0 || !named) {
				t.Errorf("apt-get was called with %q and tools.sh says %q, want no call and one line that names the packages", asked, out)
			}
		})
	}
}

// TestTools_Hashes runs tools.sh with a Python whose pip only records its arguments.
func TestTools_Hashes(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	copyTools(t, project)
	write(t, filepath.Join(project, "pip"), "#!/bin/sh\necho \"$*\" >pip-arguments\n")
	write(t, filepath.Join(project, "python3"), "#!/bin/sh\n[ $1 = -c ] || { mkdir -p $3/bin && cp pip $3/bin/; }\n")
	command := exec.Command(filepath.Join(project, "tools/tools.sh"), "sam")
	command.Env = []string{"PATH=" + project + ":" + os.Getenv("PATH")}
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("tools.sh: %v\n%s", err, out)
	}
	arguments, err := os.ReadFile(filepath.Join(project, "pip-arguments"))
	if err != nil || !strings.Contains(string(arguments), "--require-hashes -r tools/locked/sam.txt") {
		t.Errorf("pip got %q (%v), want the hashes to be required", arguments, err)
	}
}

// copyTools copies tools.sh and what it reads for SAM CLI into a project.
func copyTools(t *testing.T, project string) {
	t.Helper()
	for _, file := range []string{"tools.sh", "apt.sh", "locked/sam.in", "locked/sam.txt"} {
		text, err := os.ReadFile(filepath.Join(rig.Root(), "tools", file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(project, "tools", file), string(text))
	}
}

// write writes an executable file.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
