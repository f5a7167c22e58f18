package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// built makes what `sam build` would have left, in a folder of its own.
func built(t *testing.T, order ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range order {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	t.Chdir("../..")
	one := built(t, "function/bootstrap", "function/policies/default.cedar", "probe/bootstrap")
	two := built(t, "probe/bootstrap", "function/policies/default.cedar", "function/bootstrap")
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(two, "function/bootstrap"), old, old); err != nil {
		t.Fatal(err)
	}
	a, err := bundle("arm64", one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle("arm64", two)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the bundles differ")
	}
}

func TestABundleIsWhatLambdaAndSAMTake(t *testing.T) {
	t.Chdir("../..")
	text, err := bundle("x86_64", built(t, "function/bootstrap", "function/policies/default.cedar", "probe/bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, text)
	template := string(files["template.yaml"].text)
	for _, want := range []string{"CodeUri: function.zip", "CodeUri: probe.zip", "AllowedValues: [x86_64]", "Default: x86_64"} {
		if strings.Count(template, want) != 1 {
			t.Errorf("template.yaml holds %q %d times, want once", want, strings.Count(template, want))
		}
	}
	for _, left := range []string{"BuildMethod", "tools/${Architecture}"} {
		if strings.Contains(template, left) {
			t.Errorf("template.yaml still says %q", left)
		}
	}
	code := unpack(t, files["function.zip"].text)
	if mode := code["bootstrap"].mode; mode.Perm() != 0o755 {
		t.Errorf("bootstrap has the mode %v; Lambda must be able to run it", mode)
	}
	if mode := code["policies/default.cedar"].mode; mode.Perm() != 0o644 {
		t.Errorf("the policy has the mode %v; Lambda's user must be able to read it", mode)
	}
	for _, name := range []string{"probe.zip", "samconfig.toml", "LICENSE", "deploy-a-release.md"} {
		if len(files[name].text) == 0 {
			t.Errorf("the bundle holds no %s", name)
		}
	}
}

// TestAParameterAloneMakesANewVersion: SAM publishes one when the fingerprint
// in the template is a new one.
func TestAParameterAloneMakesANewVersion(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"template.yaml", "samconfig.toml", "LICENSE", "docs/deploy-a-release.md"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	code := built(t, "function/bootstrap", "probe/bootstrap")
	fingerprint := func() string {
		text, err := bundle("arm64", code)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(unpack(t, text)["template.yaml"].text), "AutoPublishCodeSha256: ")
		return strings.Fields(after)[0]
	}
	before := fingerprint()
	if again := fingerprint(); again != before || len(before) != 64 {
		t.Errorf("the fingerprint is %q, then %q", before, again)
	}
	if err := os.WriteFile("samconfig.toml", []byte("version = 0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := fingerprint(); after == before {
		t.Error("another samconfig.toml has the same fingerprint")
	}
}

func unpack(t *testing.T, text []byte) map[string]file {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]file{}
	for _, entry := range archive.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name] = file{entry.Name, entry.Mode(), text}
	}
	return files
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Chdir("../..")
	for _, row := range []struct {
		rule, version, built, want string
	}{
		{"no version", "", built(t), "is not a version"},
		{"a version that is a path", "../x", built(t), "is not a version"},
		{"nothing built", "v1", filepath.Join(t.TempDir(), "none"), "what was built cannot be read"},
		{"no bootstrap", "v1", built(t, "arm64/function/policies/default.cedar", "arm64/probe/bootstrap"), "holds no bootstrap"},
	} {
		if err := run(row.version, row.built, t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.rule, err, row.want)
		}
	}
	if _, err := template([]byte("Resources: {}\n"), "arm64", ""); err == nil {
		t.Error("a template that is not the stack's was taken")
	}
}
