package template_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// TestDoctor_Stack runs the built doctor on the part of the stack that moto makes. Doctor must name what is missing, as after a
// deployment that failed half way. cmd/doctor/diagnosis tests each check.
func TestDoctor_Stack(t *testing.T) {
	t.Parallel()
	moto := rig.Moto(t, "127.0.0.1")
	createStack(t, moto, template.Parameters{
		"AuthMode": "IAM", "NetworkMode": "own", "VpcZones": "2", "AtlasSecretArn": secret, "AtlasBaseUrl": "https://atlas.invalid",
	})
	doctor := filepath.Join(t.TempDir(), "doctor")
	build := exec.Command("go", "build", "-o", doctor, ".")
	build.Dir = filepath.Join(rig.Root(), "cmd", "doctor")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("doctor cannot be built: %v\n%s", err, out)
	}
	command := exec.Command(doctor, "-stack", "broker", "-json")
	// moto says that the function's code is in Amazon S3; the proxy keeps doctor on this machine.
	command.Env = rig.Environ("AWS_ENDPOINT_URL="+moto, "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=atlas.invalid")
	out, _ := command.Output() // the report is printed whatever the exit code
	if code := command.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1: the stack is not whole", code)
	}
	var report struct {
		Results []struct{ Check, Status, Cause string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("doctor printed no report: %v\n%s", err, out)
	}
	want := map[string]struct{ status, cause string }{
		"aws-identity":      {"pass", "arn:aws:"},
		"stack":             {"pass", "broker is CREATE_COMPLETE"},
		"function":          {"pass", "is active"},
		"environment":       {"pass", "Atlas is at atlas.invalid"},
		"function-settings": {"fail", `says: the architecture is "x86_64", the parameter Architecture says "arm64"`}, // moto ignores it
		"policy":            {"skipped", "cannot be reached"},
		"concurrency":       {"pass", "none is reserved"},
		"egress-ips":        {"pass", "must be on Atlas's allow-list"},
		"atlas":             {"skipped", "atlas.invalid cannot be resolved from here"},
		"log-retention":     {"pass", "FunctionLogs 90 days"},
		"aliases":           {"fail", "the alias api is missing"},
		"secret":            {"fail", "there is no such secret"},
		"routes":            {"fail", "the stack has no HTTP API"},
		"alarms":            {"fail", "the stack has no alarm"},
		"end-to-end":        {"skipped", "only when asked"},
	}
	for _, result := range report.Results {
		row, ok := want[result.Check]
		if ok && (result.Status != row.status || !strings.Contains(result.Cause, row.cause)) {
			t.Errorf("%s: %s: %q, want %s with %q", result.Check, result.Status, result.Cause, row.status, row.cause)
		}
		delete(want, result.Check)
	}
	for check := range want {
		t.Errorf("the report has no check %s", check)
	}
}
