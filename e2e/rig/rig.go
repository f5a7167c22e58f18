// Package rig starts the real parts of the end-to-end tests and stops them with
// the test: processes, Docker networks, moto, SAM CLI. A part that fails ends the
// test with the part's name.
package rig

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// Region is the AWS Region of all tests.
const Region = "eu-west-1"

// Root returns the repository's root folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Tool returns the path of a Python program that `make tools` installed.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Root(), ".tools", "venv", "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed; run make tools: %v", name, err)
	}
	return path
}

// settings are the variables of a developer that would change what is tested.
var settings = regexp.MustCompile(`^(AWS|ATLAS|ATRIP|SAM)_`)

// Environ returns this process's environment without a developer's settings, but
// with example AWS credentials and extra ("NAME=value").
func Environ(extra ...string) []string {
	var all []string
	for _, variable := range os.Environ() {
		if !settings.MatchString(variable) {
			all = append(all, variable)
		}
	}
	all = append(all, "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION="+Region, "AWS_REGION="+Region,
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_EC2_METADATA_DISABLED=true")
	return append(all, extra...)
}

// Run runs a program in the root folder and returns its standard output. A
// non-zero exit ends the test.
func Run(t testing.TB, program string, args ...string) string {
	t.Helper()
	stdout, stderr, err := Output(t, nil, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// Output runs a program in the root folder with Environ and more variables
// ("NAME=value").
func Output(t testing.TB, variables []string, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, diagnostics strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = Root(), Environ(variables...)
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	err = cmd.Run()
	return out.String(), diagnostics.String(), err
}

// Send sends a request with headers given as name, value pairs, and returns the
// response and its body. It does not follow redirects.
func Send(t testing.TB, method, url, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, text
}
