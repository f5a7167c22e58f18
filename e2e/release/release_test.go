// Package release_test runs make in clones of the repository and checks what `make release` writes.
package release_test

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io/fs"
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

// TestMake_OtherCheckout runs make in a clone that belongs to another user, in a folder with a space, without Go's and git's
// settings of this machine. The release is the same as that of another clone.
func TestMake_OtherCheckout(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "deeper", "a folder")
	rig.Run(t, "git", "clone", "-q", ".", other)
	if os.Getuid() == 0 {
		err := filepath.WalkDir(other, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 65534, 65534)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	environment := rig.Environ("GOENV=off", "GOFLAGS=", "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "TZ=Pacific/Auckland")
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		environment = append(environment, name+"="+strings.TrimSpace(rig.Run(t, "go", "env", name)))
	}
	const release = "release ARCHITECTURES=arm64 VERSION=v0.0.0"
	for _, row := range []struct{ args, want string }{
		{"build", "go build"},
		{"policy-matrix", "Customer service"},
		{"run ARGS=-help", "Usage of"},
		{"doctor ARGS=-policy", "cloudformation:DescribeStacks"},
		{"secret ARGS=-help", "usage: putsecret"},
		{"fmt", ""},
		{"cover COVERED=./policy", "coverage:"},
		{"-f tools/arm64/Makefile build-ProbeFunction ARTIFACTS_DIR=build/probe", "GOARCH=arm64"},
		{"clean", ""},
		{release, "atriptoken-v0.0.0-arm64.zip"},
		{"sbom ARCHITECTURES=arm64 VERSION=v0.0.0", ""},
	} {
		command := exec.Command("make", append([]string{"-C", other}, strings.Fields(row.args)...)...)
		if command.Env = environment; row.args == release {
			command.Env = append(environment, "GOCACHE="+t.TempDir()) // no common build cache
		}
		out, err := command.CombinedOutput()
		asked := strings.Contains(row.args, "-help")
		if err != nil && !asked || strings.Contains(string(out), "VCS status") || !strings.Contains(string(out), row.want) {
			t.Errorf("make %s: %v, want %q\n%s", row.args, err, row.want, out)
		}
	}
	one := filepath.Join(t.TempDir(), "one")
	rig.Run(t, "git", "clone", "-q", ".", one)
	rig.Run(t, "make", append([]string{"-s", "-C", one}, strings.Fields(release)...)...)
	a, errA := os.ReadFile(filepath.Join(one, "dist/SHA256SUMS"))
	b, errB := os.ReadFile(filepath.Join(other, "dist/SHA256SUMS"))
	if errA != nil || errB != nil || string(a) != string(b) || !strings.Contains(string(a), "  atriptoken-v0.0.0-arm64.zip\n") {
		t.Errorf("the sums differ or name other files:\n%s%s%v %v", a, b, errA, errB)
	}
	t.Run("integrity of the element's scripts", func(t *testing.T) { integrity(t, filepath.Join(one, "dist")) })
	t.Run("deployable without Go", func(t *testing.T) { deployable(t, filepath.Join(one, "dist/atriptoken-v0.0.0-arm64.zip")) })
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
