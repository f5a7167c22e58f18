package browser_test

import (
	"os"
	"os/exec"
	"testing"
)

func TestPackage_Size(t *testing.T) {
	t.Parallel()
	const most = 8704
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

func TestPackage_Types(t *testing.T) {
	t.Parallel()
	compile := func(source string) (string, error) {
		dir := t.TempDir()
		for _, name := range []string{"atrip-link.d.ts", "atrip-link.zh.d.ts"} {
			text, err := os.ReadFile(root + "/web/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/"+name, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(dir+"/use.ts", []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tools+".bin/tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "esnext",
			"--moduleResolution", "bundler", "--lib", "es2022,dom", dir+"/use.ts").CombinedOutput()
		return string(out), err
	}
	const good = `import { AtripLink } from './atrip-link.zh.js';
		const link = document.createElement('atrip-link');
		link.getAuthorization = async () => 'Bearer x';
		link.addEventListener('atrip-failed', (e) => {
			const after: number = e.detail.retryAfter;
			if (e.detail.code === 'SignInExpired') after.toFixed();
		});
		AtripLink.addTexts('fr', { label: 'Ouvrir' });`
	if out, err := compile(good); err != nil {
		t.Errorf("good use does not compile: %v (`make tools` installs the compiler)\n%s", err, out)
	}
	for _, bad := range []string{
		`import { AtripLink } from './atrip-link.js'; new AtripLink().getAuthorization = () => 7;`,
		`import './atrip-link.js'; document.createElement('atrip-link').addEventListener('atrip-failed', (e) => e.detail.url);`,
	} {
		if out, err := compile(bad); err == nil {
			t.Errorf("bad use compiles: %s %s", bad, out)
		}
	}
}
