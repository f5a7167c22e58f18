package diagnosis_test

import (
	"encoding/json"
	"maps"
	"net/http"
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
	for _, r := range diagnosis.Run(t.Context(), w.options) {
		if r.Status != diagnosis.Pass {
			t.Errorf("%s: %s: %s -> %s", r.Check, r.Status, r.Cause, r.Fix)
		}
	}
	if n := len(w.atlas.Requests()); n != 3 { // the credentials and their control, and the one call asked for
		t.Errorf("Atlas was called %d times, want 3", n)
	}
}

// row plants one fault in a sound deployment and has the result of one check.
type row struct {
	check string
	rule  string
	want  string // "fail", "skipped", "blocked" or "pass"
	cause string // a part of it
	plant func(w *world)
}

func (r row) run(t *testing.T) {
	t.Parallel()
	w := deployed(t)
	r.plant(w)
	report := diagnosis.Run(t.Context(), w.options)
	got := named(t, report, r.check)
	status := string(got.Status)
	if got.Blocked {
		status = "blocked"
	}
	if status != r.want || !strings.Contains(got.Cause, r.cause) {
		t.Errorf("got %s: %q, want %s with %q", status, got.Cause, r.want, r.cause)
	}
	if code := report.ExitCode(); r.want == "fail" && code != 1 || r.want == "blocked" && code == 0 {
		t.Errorf("exit code %d for a check that is %s", code, r.want)
	}
	if (got.Fix == "") != (r.want == "skipped" || r.want == "pass") {
		t.Errorf("the fix is %q for a check that is %s", got.Fix, status)
	}
	if strings.Contains(got.Cause, "by hand") && !regexp.MustCompile(`aws [a-z0-9]+ [a-z-]+ --|make destroy`).MatchString(got.Fix) {
		t.Errorf("the fix of a change by hand names no command: %s", got.Fix)
	}
	if text := got.Cause + got.Fix; strings.Contains(text, "example-secret") || strings.Contains(text, "\n") {
		t.Errorf("the result holds the secret or a second line: %q", text)
	}
}

func runRows(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.check+"/"+r.rule, r.run)
	}
}

func TestRun_DeniedCalls(t *testing.T) {
	t.Parallel()
	for operation, check := range map[string]string{
		"DescribeStacks": "stack", "ListStackResources": "stack", "GetFunctionConfiguration": "function",
		"GetFunction": "policy", "GetLayerVersion": "policy",
		"GetFunctionConcurrency": "concurrency", "GetAlias": "aliases", "GetFunctionEventInvokeConfig": "async",
		"ListFunctionUrlConfigs": "function-access", "GetPolicy": "function-access", "GetAccountSettings": "lambda-quota",
		"DescribeSecret": "secret", "apigateway routes": "routes", "apigateway integrations": "routes",
		"apigateway $default": "throttling", "DescribeLogGroups": "log-retention", "DescribeAlarms": "alarms",
		"GetTopicAttributes": "alarm-recipients", "GetMetricData": "recent-outcomes",
	} {
		deny := func(w *world) { w.fault(operation, http.StatusForbidden, "AccessDeniedException") }
		t.Run(operation, row{check, operation, "blocked", "may not call", deny}.run)
	}
}

// TestFix_Revert runs the command against a change by hand in a shell, with a stand-in for the AWS CLI.
func TestFix_Revert(t *testing.T) {
	t.Parallel()
	w := deployed(t)
	w.stack.parameters["CorsOrigins"] = "https://other.example.com"
	command, then, _ := strings.Cut(named(t, diagnosis.Run(t.Context(), w.options), "cors").Fix, "; read it, then ")
	folder := t.TempDir()
	cli := "#!/bin/sh\nif [ $2 = describe-stacks ]; then echo \"query: $8\"; else printf '%s\\n' \"$@\"; fi\n"
	w.must(nil, os.WriteFile(filepath.Join(folder, "aws"), []byte(cli), 0o755))
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
	w.stack.status = "ROLLBACK_COMPLETE" // then the events are read too
	diagnosis.Run(t.Context(), w.options)
	var document struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal(diagnosis.Policy(""), &document); err != nil {
		t.Fatal(err)
	}
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

// TestVariables_Template compares the variables whose values are checked with those that the template sets.
func TestVariables_Template(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, function, _ := strings.Cut(string(text), "\n  Function:\n")
	_, block, _ := strings.Cut(function, "        Variables:\n")
	block, _, _ = strings.Cut(block, "\n\n")
	set := map[string]string{}
	for _, variable := range regexp.MustCompile(`(?m)^ {10}(\w+): (?:!Ref )?(.+)$`).FindAllStringSubmatch(block, -1) {
		set[variable[1]] = variable[2]
	}
	delete(set, "GOMAXPROCS")
	delete(set, "ATLAS_SECRET_ARN")
	if checked := diagnosis.Variables(); !maps.Equal(checked, set) {
		t.Errorf("function-settings checks %v, template.yaml sets %v", checked, set)
	}
}
