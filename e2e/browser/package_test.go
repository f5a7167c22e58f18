package browser_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// command runs a program in a directory and returns its standard output.
func command(t *testing.T, dir, program string, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, arguments...)
	c.Dir = dir
	c.Env = append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(arguments, " "), err, out, stderr.String())
	}
	return string(out)
}

// project returns a folder with the programs of frameworks/, in which the packed package is installed. The frameworks are found
// in the folders above it.
func project(t *testing.T) string {
	t.Helper()
	above, err := filepath.Abs(root + "/.tools/npm")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(above, "project")
	if err != nil {
		t.Fatalf("%v: `make tools` makes it", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.CopyFS(dir, os.DirFS("frameworks")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private": true, "type": "module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed []struct {
		Filename string
		Files    []struct{ Path string }
	}
	if err := json.Unmarshal([]byte(command(t, root+"/web", "npm", "pack", "--json", "--pack-destination", dir)), &packed); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range packed[0].Files {
		files = append(files, file.Path)
	}
	slices.Sort(files)
	want := strings.Fields(`README.md atrip-link.d.ts atrip-link.js atrip-link.react.d.ts atrip-link.react.js atrip-link.svelte.d.ts
		atrip-link.vue.d.ts atrip-link.zh.d.ts atrip-link.zh.js custom-elements.json package.json`)
	if !slices.Equal(files, want) {
		t.Errorf("the package holds %q, want %q", files, want)
	}
	command(t, dir, "npm", "install", "--offline", "--no-audit", "--no-fund", "./"+packed[0].Filename)
	return dir
}

func TestPackage_Types(t *testing.T) {
	t.Parallel()
	dir := project(t)
	for _, resolution := range [][]string{{"esnext", "bundler"}, {"nodenext", "nodenext"}} {
		command(t, dir, "../node_modules/.bin/tsc", "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom",
			"--jsx", "react-jsx", "--module", resolution[0], "--moduleResolution", resolution[1], "types.tsx")
	}
}

// sideEffects: a bundler must not drop a module that is imported for its element only.
func TestPackage_Bundle(t *testing.T) {
	t.Parallel()
	dir := project(t)
	for module, text := range map[string]string{"atrip-link": "in ATRIP", "atrip-link/zh": "在 ATRIP 中打开"} {
		if err := os.WriteFile(filepath.Join(dir, "bundle.js"), []byte("import '"+module+"';"), 0o600); err != nil {
			t.Fatal(err)
		}
		bundle := command(t, dir, "../node_modules/.bin/esbuild", "--bundle", "--minify", "--charset=utf8", "--format=esm", "bundle.js")
		if !strings.Contains(bundle, "customElements") || !strings.Contains(bundle, text) {
			t.Errorf("the bundle of %s has no element or lacks %q", module, text)
		}
		if size := len(bundle); module == "atrip-link" && size > 8800 {
			t.Errorf("the element has %d bytes minified, want 8800 at most", size)
		}
	}
}

// Each framework's bundler builds a page with the package; a click on its button opens the portal.
func TestPackage_Frameworks(t *testing.T) {
	t.Parallel()
	ctx, project := browser(t), project(t)
	for _, build := range []struct {
		folder, output string
		command        []string
		tokens         map[string]string // by page
	}{
		{".", "esbuild", []string{"esbuild", "--bundle", "--outdir=esbuild", "plain.js"}, map[string]string{"plain": "plain"}},
		{".", "dist", []string{"vite", "build"}, map[string]string{"vite": "plain", "react": "react", "vue": "vue", "svelte": "svelte"}},
		{"angular", "dist", []string{"architect", "app:build"}, map[string]string{"main": "angular"}},
		{"next", "out", []string{"next", "build"}, map[string]string{"index": "next"}},
	} {
		folder := filepath.Join(project, build.folder)
		command(t, folder, filepath.Join(project, "../node_modules/.bin", build.command[0]), build.command[1:]...)
		for page, token := range build.tokens {
			t.Run(build.command[0]+" "+token, func(t *testing.T) { framework(t, ctx, filepath.Join(folder, build.output), page, token) })
		}
	}
}

// framework clicks the button of a page that a bundler has written.
func framework(t *testing.T, ctx context.Context, output, page, token string) {
	broker, sent := newEndpoint(t), make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /getAtripToken.do", func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Get("Authorization")
		_, _ = io.WriteString(w, broker.success())
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		html(w, `<main></main><script type="module" src="/`+page+`.js"></script>`)
	})
	mux.Handle("GET /", http.FileServer(http.Dir(output)))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	path := "/page"
	if page == "index" {
		path = "/" // Next.js writes the page itself
	}
	run(t, ctx, chromedp.Navigate(server.URL+path))
	until(t, ctx, link(0)+`?.state === 'idle' && `+link(0)+`.getAuthorization !== undefined`)
	click(t, ctx, 0)
	broker.arrival(t)
	if got := <-sent; got != "Bearer "+token {
		t.Errorf("Authorization is %q, want the value of the page's function", got)
	}
	until(t, ctx, `document.title === 'done'`)
}
