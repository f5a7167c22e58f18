// Package release_test checks what `make release` writes.
package release_test

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// TestRelease_Reproducible builds the release in two folders of different depth, without a common build cache.
func TestRelease_Reproducible(t *testing.T) {
	t.Parallel()
	modules := strings.TrimSpace(rig.Run(t, "go", "env", "GOMODCACHE")) // what go.sum has already checked
	one := build(t, "one")
	two := build(t, filepath.Join("a", "deeper folder"),
		"GOCACHE="+t.TempDir(), "TZ=Pacific/Auckland", "HOME="+t.TempDir(), "GOMODCACHE="+modules)
	a, errA := os.ReadFile(filepath.Join(one, "SHA256SUMS"))
	b, errB := os.ReadFile(filepath.Join(two, "SHA256SUMS"))
	if errA != nil || errB != nil || string(a) != string(b) || !strings.Contains(string(a), "  atriptoken-v0.0.0-arm64.zip\n") {
		t.Errorf("the sums differ or name other files:\n%s%s%v %v", a, b, errA, errB)
	}
	t.Run("integrity of the element's scripts", func(t *testing.T) { integrity(t, one) })
	t.Run("deployable without Go", func(t *testing.T) { deployable(t, filepath.Join(one, "atriptoken-v0.0.0-arm64.zip")) })
}

// integrity checks the hashes for a page's integrity attribute.
func integrity(t *testing.T, dist string) {
	var want strings.Builder
	for _, script := range []string{"atrip-link.js", "atrip-link.zh.js"} {
		text, err := os.ReadFile(filepath.Join(rig.Root(), "web", script))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha512.Sum384(text)
		fmt.Fprintf(&want, "%s sha384-%s\n", script, base64.StdEncoding.EncodeToString(sum[:]))
	}
	if got, err := os.ReadFile(filepath.Join(dist, "integrity.txt")); err != nil || string(got) != want.String() {
		t.Errorf("integrity.txt is %q (%v), want %q", got, err, want.String())
	}
}

// deployable runs `sam validate` and `sam package` on the unpacked zip with nothing but SAM CLI in the path. moto cannot run the
// rest of `sam deploy` for SAM's templates.
func deployable(t *testing.T, bundle string) {
	dir := t.TempDir()
	rig.Run(t, "unzip", "-q", bundle, "-d", dir)
	moto := rig.Moto(t, "127.0.0.1")
	rig.AWS(t, moto, "s3", "create_bucket", map[string]any{
		"Bucket": "artifacts", "CreateBucketConfiguration": map[string]any{"LocationConstraint": rig.Region},
	})
	sam := func(args ...string) {
		t.Helper()
		command := exec.Command(rig.Tool(t, "sam"), args...)
		command.Dir = dir
		command.Env = append(rig.Environ("AWS_ENDPOINT_URL="+moto), "PATH="+filepath.Dir(rig.Tool(t, "sam")))
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("sam %s: %v\n%s", args[0], err, out)
		}
	}
	version := func() string {
		t.Helper()
		sam("package", "--template", "template.yaml", "--s3-bucket", "artifacts", "--output-template-file", "packaged.yaml")
		resources := template.MakeFrom(t, filepath.Join(dir, "packaged.yaml"), template.Parameters{})[0].Resources
		for _, id := range slices.Sorted(maps.Keys(resources)) {
			if resources[id].Type == "AWS::Lambda::Version" {
				return id
			}
		}
		t.Fatal("the stack publishes no version")
		return ""
	}
	sam("validate", "--lint", "--template", "template.yaml")
	before := version()
	if again := version(); again != before {
		t.Errorf("the same release publishes the versions %s and %s", before, again)
	}
	for file, want := range map[string]string{
		"packaged.yaml": "CodeUri: s3://artifacts/", "template.yaml": "    AllowedValues: [arm64]\n",
		"licences/github.com/cedar-policy/cedar-go/LICENSE": "Apache License",
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), "CodeUri: !") {
			t.Errorf("%s does not hold %q (%v)", file, want, err)
		}
	}
	checked := exec.Command(filepath.Join(dir, "policy"), "check", filepath.Join(dir, "Function/policies"))
	out, err := checked.CombinedOutput()
	if runtime.GOARCH == "amd64" && (err != nil || !strings.Contains(string(out), "policy files are valid")) {
		t.Errorf("policy check: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "samconfig.toml"), []byte("version = 0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := version(); after == before {
		t.Errorf("changed parameters publish no version: it is %s still", after)
	}
}

// build clones the commit into a folder and returns where `make release` has written the release.
func build(t *testing.T, folder string, env ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), folder)
	rig.Run(t, "git", "clone", "-q", ".", dir)
	command := exec.Command("make", "-s", "-C", dir, "release", "VERSION=v0.0.0", "ARCHITECTURES=arm64")
	command.Env = append(os.Environ(), env...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, out)
	}
	return filepath.Join(dir, "dist")
}
