package browser_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// command runs a program in a directory and returns its standard output.
func command(t *testing.T, dir, program string, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, arguments...)
	c.Dir = dir
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(arguments, " "), err, out, stderr.String())
	}
	return string(out)
}

// The package is packed, installed into an empty project, bundled by esbuild and
// compiled against by TypeScript.
func TestPackage_PackInstallBundle(t *testing.T) {
	t.Parallel()
	bin, err := filepath.Abs(tools + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	project := t.TempDir()
	var packed []struct {
		Filename string
		Files    []struct{ Path string }
	}
	if err := json.Unmarshal([]byte(command(t, root+"/web", "npm", "pack", "--json", "--pack-destination", project)), &packed); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range packed[0].Files {
		files = append(files, file.Path)
	}
	slices.Sort(files)
	want := []string{"README.md", "atrip-link.d.ts", "atrip-link.js", "atrip-link.react.js", "atrip-link.zh.d.ts", "atrip-link.zh.js",
		"custom-elements.json", "package.json"}
	if !slices.Equal(files, want) {
		t.Errorf("the package holds %q, want %q", files, want)
	}
	for name, text := range map[string]string{
		"package.json": `{"private": true, "type": "module"}`,
		"plain.js":     `import 'atrip-link';`,
		"chinese.js":   `import 'atrip-link/zh';`,
		"use.ts": `import { AtripLink, type AtripLinkFailure } from 'atrip-link';
			import 'atrip-link/zh';
			const failed = (e: CustomEvent<AtripLinkFailure>): string => e.detail.code;
			const link = document.createElement('atrip-link');
			link.addEventListener('atrip-failed', failed);
			link.addEventListener('atrip-failed', (e) => { const after: number = e.detail.retryAfter; after.toFixed(); });
			// @ts-expect-error there is no url in an event
			link.addEventListener('atrip-failed', (e) => e.detail.url);
			link.getAuthorization = async ({ refused }) => (refused ? undefined : 'Bearer x');
			// @ts-expect-error
			link.getAuthorization = () => 7;
			AtripLink.addTexts('fr', { label: 'Ouvrir' });`,
	} {
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, project, "npm", "install", "--offline", "--no-audit", "--no-fund", "./"+packed[0].Filename)
	for _, resolution := range [][]string{{"esnext", "bundler"}, {"nodenext", "nodenext"}} {
		command(t, project, filepath.Join(bin, "tsc"), "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom",
			"--module", resolution[0], "--moduleResolution", resolution[1], "use.ts")
	}
	// sideEffects: a bundler must not drop a module that is imported for its element only.
	for name, text := range map[string]string{"plain.js": "in ATRIP", "chinese.js": "在 ATRIP 中打开"} {
		bundle := command(t, project, filepath.Join(bin, "esbuild"), "--bundle", "--minify", "--charset=utf8", "--format=esm", name)
		if !strings.Contains(bundle, "customElements") || !strings.Contains(bundle, text) {
			t.Errorf("the bundle of %s has no element or lacks %q", name, text)
		}
		if size := len(bundle); name == "plain.js" && size > 8800 {
			t.Errorf("the element has %d bytes minified, want 8800 at most", size)
		}
	}
}
