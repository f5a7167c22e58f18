// Package rig starts the real parts that the end-to-end checks need and ends them with the test: processes, Docker
// networks, moto's AWS, SAM CLI. Every failure to have a part ends the test with the part's name.
package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Region is the AWS Region that everything here pretends to stand in.
const Region = "eu-west-1"

// Root returns the project's root folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Tool returns the path of a program that `make tools` installed, such as sam.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Root(), ".tools", "venv", "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed; run make tools: %v", name, err)
	}
	return path
}

// Environ returns this process's environment without variables that would change what is checked (a developer's
// AWS, ATLAS and ATRIP settings, which SAM CLI hands to the function), with made-up AWS credentials, and with extra
// ("NAME=value") added.
func Environ(extra ...string) []string {
	var kept []string
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !hasPrefix(name, "AWS_", "ATLAS_", "ATRIP_", "SAM_") {
			kept = append(kept, variable)
		}
	}
	kept = append(kept, "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION="+Region, "AWS_REGION="+Region,
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_EC2_METADATA_DISABLED=true")
	return append(kept, extra...)
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// Run runs a program in the project's root to its end and returns what it wrote to standard output. A non-zero exit
// ends the test with all that was written.
func Run(t testing.TB, program string, args ...string) string {
	t.Helper()
	stdout, stderr, err := Output(t, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// Output runs a program as Run does and returns what it wrote and how it ended.
func Output(t testing.TB, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return OutputWith(t, nil, program, args...)
}

// OutputWith is Output with variables ("NAME=value") added to the program's environment.
func OutputWith(t testing.TB, variables []string, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, diagnostics strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = Root(), Environ(variables...)
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	err = cmd.Run()
	return out.String(), diagnostics.String(), err
}
