package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// TestApt runs apt.sh as root, with an apt-get that only records its arguments. Python's packages come by their hashes.
func TestApt(t *testing.T) {
	t.Parallel()
	for variable, installs := range map[string]bool{
		"": false, "CI=false": false, "CI=true": true, "APT_INSTALL=true": true, "APT_INSTALL=": false,
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "id"), "#!/bin/sh\necho 0\n")
		write(t, filepath.Join(dir, "apt-get"), "#!/bin/sh\necho \"$*\" >>"+dir+"/asked\n")
		command := exec.Command(filepath.Join(rig.Root(), "tools/apt.sh"), "python3", "python3-venv")
		command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), variable}
		out, err := command.CombinedOutput()
		asked, _ := os.ReadFile(filepath.Join(dir, "asked")) // missing if apt-get was not called
		want := ""
		if installs {
			want = "update -qq\ninstall -y -qq python3 python3-venv\n"
		}
		names := strings.Count(string(out), "\n") == 1 && strings.Contains(string(out), "apt-get install python3 python3-venv")
		if string(asked) != want || (err == nil) != installs || names == installs {
			t.Errorf("with %q apt-get gets %q, want %q: %v, %s", variable, asked, want, err, out)
		}
	}
	for line := range strings.Lines(rig.Run(t, "git", "grep", "-hE", `pip[0-9.]*"? install`, "tools/*.sh", "Makefile", ".github")) {
		if !strings.Contains(line, "--require-hashes") {
			t.Errorf("packages are installed without their hashes: %s", line)
		}
	}
}

// TestDocker runs docker.sh with a client and an engine that only record what is asked of them.
func TestDocker(t *testing.T) {
	t.Parallel()
	const original, standIn = "public.ecr.aws/lambda/provided:al2023-", "atriptoken-lambda-stand-in:al2023-"
	for name, row := range map[string]struct {
		user, running, images string
		want, image           string
	}{
		"engine answers":               {user: "1000", running: "yes", images: original, want: "command\n", image: original},
		"root starts and stops it":     {user: "0", images: original, want: "started\ncommand\nstopped\n", image: original},
		"others cannot start it":       {user: "1000", images: original, want: ""},
		"image cannot be pulled":       {user: "1000", running: "yes", images: standIn, want: "command\n", image: standIn},
		"image is made under its name": {user: "1000", running: "yes", want: "made " + standIn + "\ncommand\n", image: standIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for program, script := range map[string]string{
				"id": "echo " + row.user,
				"docker": `case $1 in
  info) [ -e running ] ;;
  image) [ -n "$IMAGES" ] && [[ $3 == "$IMAGES"* ]] ;;
  import) cat >/dev/null; echo "made ${!#%-*}-" >>calls ;;
  *) exit 1 ;;
esac`,
				"dockerd": `echo started >>calls; touch running
trap 'echo stopped >>calls; exit' TERM
while :; do sleep 0.05; done`,
				"ldd":     "exit 1",
				"busybox": "",
				"command": `echo command >>calls; echo -n "$LAMBDA_IMAGE" >image`,
			} {
				write(t, filepath.Join(dir, program), "#!/usr/bin/env bash\ncd "+dir+"\n"+script)
			}
			if row.running != "" {
				write(t, filepath.Join(dir, "running"), "")
			}
			command := exec.Command(filepath.Join(rig.Root(), "tools/docker.sh"), filepath.Join(dir, "command"))
			command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "DOCKER=" + filepath.Join(dir, "docker"), "TMPDIR=" + dir,
				"IMAGES=" + row.images}
			out, err := command.CombinedOutput()
			if (err == nil) != (row.want != "") {
				t.Errorf("docker.sh: %v\n%s", err, out)
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			image, _ := os.ReadFile(filepath.Join(dir, "image"))
			if string(calls) != row.want || !strings.HasPrefix(string(image), row.image) {
				t.Errorf("it did %q with the image %q, want %q and %q\n%s", calls, image, row.want, row.image, out)
			}
		})
	}
}

// write writes an executable file.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
