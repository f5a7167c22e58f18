package browser_test

import (
	"os/exec"
	"testing"
)

func TestSize(t *testing.T) {
	t.Parallel()
	const most = 6 * 1024
	for _, name := range []string{"atrip-link.js", "atrip-link.zh.js"} {
		minified, err := exec.Command(tools+".bin/esbuild", "--minify", "--charset=utf8", "--format=esm", root+"/web/"+name).Output()
		if err != nil {
			t.Fatalf("esbuild: %v; `make tools` installs it", err)
		}
		t.Logf("%s: %d bytes minified", name, len(minified))
		if len(minified) > most {
			t.Errorf("%s has %d bytes minified, want %d at most", name, len(minified), most)
		}
	}
}
