package diagnosis_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/cmd/doctor/diagnosis"
)

func TestRun_SoundDeployment(t *testing.T) {
	t.Parallel()
	w := deployed(t)
	for _, r := range w.run() {
		if r.Status != diagnosis.Pass {
			t.Errorf("%s: %s: %s -> %s", r.Check, r.Status, r.Cause, r.Fix)
		}
	}
	if n := len(w.atlas.Requests()); n != 3 { // the credentials and their control, and the one call asked for
		t.Errorf("Atlas was called %d times, want 3", n)
	}
}

// fault is a change to a sound deployment, and the result of one check.
type fault struct {
	check string
	rule  string
	want  diagnosis.Status
	cause string // a part of it
	plant func(w *world)
}

// leftOut is wanted of a check that needs what another one could not read.
const leftOut diagnosis.Status = ""

func (f fault) run(t *testing.T) {
	t.Parallel()
	w := deployed(t)
	f.plant(w)
	report := w.run()
	if f.want == leftOut {
		if slices.ContainsFunc(report, func(r diagnosis.Result) bool { return r.Check == f.check }) {
			t.Errorf("the report has the check")
		}
		if report.ExitCode() == 0 {
			t.Errorf("exit code 0: no other check says why it is left out")
		}
		return
	}
	got := named(t, report, f.check)
	if got.Status != f.want || !strings.Contains(got.Cause, f.cause) {
		t.Errorf("got %s: %q, want %s with %q", got.Status, got.Cause, f.want, f.cause)
	}
	if code := report.ExitCode(); f.want == diagnosis.Fail && code != 1 || f.want == diagnosis.Blocked && code == 0 {
		t.Errorf("exit code %d for a check that is %s", code, f.want)
	}
	if (got.Fix == "") != (f.want == diagnosis.Skipped || f.want == diagnosis.Pass) {
		t.Errorf("the fix is %q for a check that is %s", got.Fix, got.Status)
	}
	if strings.Contains(got.Cause, "by hand") && !regexp.MustCompile(`aws [a-z0-9]+ [a-z-]+ --|make destroy`).MatchString(got.Fix) {
		t.Errorf("the fix of a change by hand names no command: %s", got.Fix)
	}
	if text := got.Cause + got.Fix; strings.Contains(text, "example-secret") || strings.Contains(text, "\n") {
		t.Errorf("the result holds the secret or a second line: %q", text)
	}
}

// named returns the result of one check.
func named(t *testing.T, report diagnosis.Report, name string) diagnosis.Result {
	t.Helper()
	i := slices.IndexFunc(report, func(r diagnosis.Result) bool { return r.Check == name })
	if i < 0 {
		t.Fatalf("there is no check %q", name)
	}
	return report[i]
}

// TestRun_Faults plants each fault alone.
func TestRun_Faults(t *testing.T) {
	t.Parallel()
	for _, f := range slices.Concat(accountFaults, functionFaults, secretFaults, apiFaults, callFaults, alarmFaults) {
		t.Run(f.check+"/"+f.rule, f.run)
	}
}

func TestRun_DeniedCalls(t *testing.T) {
	t.Parallel()
	for operation, check := range map[string]string{
		"DescribeStacks": "stack", "ListStackResources": "stack", "GetFunctionConfiguration": "function",
		"GetFunction": "policy", "GetLayerVersion": "policy",
		"GetFunctionConcurrency": "concurrency", "GetAlias": "aliases", "GetFunctionEventInvokeConfig": "async",
		"ListFunctionUrlConfigs": "function-access", "GetPolicy": "function-access", "GetAccountSettings": "lambda-quota",
		"DescribeSecret": "secret", "GetRoutes": "routes", "GetIntegrations": "routes", "GetAuthorizer": "authorizer",
		"GetStage": "throttling", "GetApi": "cors", "DescribeLogGroups": "log-retention", "DescribeAlarms": "alarms",
		"GetTopicAttributes": "alarm-recipients", "GetMetricData": "recent-outcomes",
	} {
		t.Run(operation, fault{check, operation, diagnosis.Blocked, "may not call", fails(operation, "AccessDeniedException")}.run)
	}
}

// TestFix_Revert runs the command against a change by hand in a shell, with a stand-in for the AWS CLI.
func TestFix_Revert(t *testing.T) {
	t.Parallel()
	w := deployed(t)
	w.parameters["CorsOrigins"] = "https://other.example.com"
	command, then, _ := strings.Cut(named(t, w.run(), "settings").Fix, "; read it, then ")
	folder := t.TempDir()
	cli := "#!/bin/sh\nif [ $2 = describe-stacks ]; then echo \"query: $8\"; else printf '%s\\n' \"$@\"; fi\n"
	w.must(os.WriteFile(filepath.Join(folder, "aws"), []byte(cli), 0o755))
	shell := exec.Command("sh", "-euc", command)
	shell.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH")}
	out, err := shell.CombinedOutput()
	want := "cloudformation\ncreate-change-set\n--stack-name\nbroker\n--change-set-name\nrevert\n--use-previous-template\n" +
		"--deployment-mode\nREVERT_DRIFT\n--capabilities\nCAPABILITY_IAM\n--parameters\n" +
		"query:\nStacks[0].Parameters[].join('',\n['ParameterKey=',\nParameterKey,\n',UsePreviousValue=true'])\n"
	if err != nil || string(out) != want || !strings.HasPrefix(then, "aws cloudformation execute-change-set --stack-name broker") {
		t.Errorf("%v, the CLI was called with\n%s\nwant\n%s", err, out, want)
	}
}

// TestPolicy_ExactCalls compares the calls of a run with the policy that doctor prints.
func TestPolicy_ExactCalls(t *testing.T) {
	t.Parallel()
	w := deployed(t)
	w.run()
	var document struct{ Statement []struct{ Action []string } }
	w.must(json.Unmarshal([]byte(diagnosis.Policy("")), &document))
	allowed := map[string]bool{}
	for _, statement := range document.Statement {
		for _, action := range statement.Action {
			allowed[action] = true
			if !regexp.MustCompile(`:(Get|Describe|List|GET)`).MatchString(action) {
				t.Errorf("%s does more than read", action)
			}
		}
	}
	if !maps.Equal(allowed, w.calls) {
		t.Errorf("the policy allows %v, the checks call %v", slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(w.calls)))
	}
}

// TestSettings_Template changes each variable that template.yaml sets by a parameter.
func TestSettings_Template(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, function, _ := strings.Cut(string(text), "\n  Function:\n")
	_, block, _ := strings.Cut(function, "        Variables:\n")
	block, _, _ = strings.Cut(block, "\n\n")
	w := deployed(t)
	clear(w.environment)
	w.answers["DescribeSecret"] = answer("ResourceNotFoundException")
	var want []string
	for _, set := range regexp.MustCompile(`(?m)^ {10}(\w+): !Ref (.+)$`).FindAllStringSubmatch(block, -1) {
		w.environment[set[1]], w.parameters[set[2]] = "changed", "parameter"
		want = append(want, set[1]+` is "changed", the parameter `+set[2]+` says "parameter"`)
	}
	cause := named(t, w.run(), "settings").Cause
	for _, difference := range want {
		if !strings.Contains(cause, difference) {
			t.Errorf("the result has no %q: %s", difference, cause)
		}
	}
	if len(want) < 10 || strings.Contains(cause, "not the template's") {
		t.Errorf("%d variables; the result is %q", len(want), cause)
	}
}
