package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

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
			fake := func(name, script string) {
				write(t, filepath.Join(dir, name), "#!/usr/bin/env bash\ncd "+dir+"\n"+script)
			}
			fake("id", "echo "+row.user)
			fake("docker", `case $1 in
  info) [ -e running ] ;;
  image) [ -n "$IMAGES" ] && [[ $3 == "$IMAGES"* ]] ;;
  import) cat >/dev/null; echo "made ${!#%-*}-" >>calls ;;
  *) exit 1 ;;
esac`)
			fake("dockerd", `echo started >>calls; touch running
trap 'echo stopped >>calls; exit' TERM
while :; do sleep 0.05; done`)
			fake("ldd", "exit 1")
			fake("busybox", "")
			fake("command", `echo command >>calls; echo -n "$LAMBDA_IMAGE" >image`)
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
