package template_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

func TestMakeDeployRefusesInOneLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environment []string
		job, in     string
		want        string
	}{
		"an environment that is not there":      {nil, "deploy", "staging", "knows no environment 'staging'"},
		"one that is not for deployment":        {nil, "deploy", "local", "knows no environment 'local'"},
		"example values":                        {nil, "deploy", "production", "example values for production"},
		"no credentials":                        {[]string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "HOME=/nowhere"}, "deploy", "default", "there are no AWS credentials"},
		"no Region":                             {[]string{"AWS_REGION=", "AWS_DEFAULT_REGION=", "HOME=/nowhere"}, "logs", "default", "no AWS Region is set"},
		"neither Region nor credentials":        {[]string{"AWS_REGION=", "AWS_DEFAULT_REGION=", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "HOME=/nowhere"}, "deploy", "default", "no AWS Region is set (AWS_REGION) and there are no AWS credentials"},
		"a profile that is not there":           {[]string{"AWS_PROFILE=nope"}, "deploy", "default", "The config profile (nope) could not be found"},
		"an endpoint that does not answer":      {[]string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}, "destroy", "default", "AWS cannot be asked who is calling"},
		"logs of a stack that was not deployed": {[]string{"AWS_ENDPOINT_URL=" + rig.Moto(t, "127.0.0.1")}, "logs", "default", "there is no stack atrip-token-broker-sandbox"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := rig.OutputWith(t, row.environment, rig.Tool(t, "python"), "sam/stack.py", row.job, row.in)
			if err == nil {
				t.Fatalf("it went on: %s", stdout)
			}
			if lines := strings.Split(strings.TrimSpace(stderr), "\n"); len(lines) != 1 || !strings.Contains(lines[0], row.want) {
				t.Errorf("it says %q, want one line with %q", stderr, row.want)
			}
		})
	}
}

// Every job that acts on a stack says the same of an environment that samconfig.toml does not know.
func TestMakeRefusesAnUnknownEnvironment(t *testing.T) {
	t.Parallel()
	for _, job := range []string{"deploy", "outputs", "logs", "destroy", "secret", "doctor"} {
		want := "make " + job + ": samconfig.toml knows no environment 'prod' to deploy to; it knows default, production\n"
		if stderr := refused(t, job, "ENV=prod"); stderr != want {
			t.Errorf("make %s ENV=prod says %q, want %q", job, stderr, want)
		}
	}
	if stderr := refused(t, "doctor", "STACK=", "ENV=production"); !strings.Contains(stderr, "ENV=production says nothing") {
		t.Errorf("without a stack, make doctor ENV=production says %q", stderr)
	}
}

// lastLine is make's own; a make that another one runs says at which level it is.
var lastLine = regexp.MustCompile(`make(\[\d+\])?: \*\*\* .*\n`)

// refused runs make, which has to fail, and returns what it wrote to standard error without make's own last line.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := rig.Output(t, "make", append([]string{"-s"}, args...)...)
	if err == nil {
		t.Fatalf("make %v went on: %s", args, stdout)
	}
	return lastLine.ReplaceAllString(stderr, "")
}

// AWS_REGION goes before AWS_DEFAULT_REGION, as with the AWS CLI and with doctor.
func TestMakeOutputsPrintsAStacksOutputsInTheRegionOfAWSREGION(t *testing.T) {
	t.Parallel()
	moto := rig.Moto(t, "127.0.0.1")
	rig.AWS(t, moto, "cloudformation", "create_stack", map[string]any{
		"StackName":    "atrip-token-broker-sandbox",
		"TemplateBody": `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},"Outputs":{"Url":{"Value":"https://api.example.com/getAtripToken.do"},"EgressIps":{"Value":"192.0.2.1"}}}`,
	})
	for _, other := range []string{"", "us-east-1"} {
		environment := []string{"AWS_ENDPOINT_URL=" + moto, "AWS_REGION=" + rig.Region, "AWS_DEFAULT_REGION=" + other}
		stdout, stderr, err := rig.OutputWith(t, environment, "make", "-s", "outputs")
		if want := "EgressIps            192.0.2.1\nUrl                  https://api.example.com/getAtripToken.do\n"; err != nil || stdout != want {
			t.Errorf("with AWS_DEFAULT_REGION=%s: %v, %q, want %q\n%s", other, err, stdout, want, stderr)
		}
	}
}

func TestMakeDestroyKeepsTheStackUnlessItsNameIsTyped(t *testing.T) {
	t.Parallel()
	moto := rig.Moto(t, "127.0.0.1")
	rig.AWS(t, moto, "cloudformation", "create_stack", map[string]any{
		"StackName":    "atrip-token-broker-sandbox",
		"TemplateBody": `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},"Outputs":{"SecretArn":{"Value":"arn:aws:secretsmanager:kept"}}}`,
	})
	// Standard input is empty, as in automation.
	stdout, stderr, err := rig.OutputWith(t, []string{"AWS_ENDPOINT_URL=" + moto}, rig.Tool(t, "python"), "sam/stack.py", "destroy", "default")
	if err == nil || !strings.Contains(stderr, "stopped") {
		t.Errorf("it went on without an answer: %s%s", stdout, stderr)
	}
	if !strings.Contains(stdout, "arn:aws:secretsmanager:kept") {
		t.Errorf("it does not say that the secret stays: %s", stdout)
	}
	if stacks := list(rig.AWS(t, moto, "cloudformation", "describe_stacks", nil), "Stacks"); len(stacks) != 1 {
		t.Errorf("%d stacks are there, want 1", len(stacks))
	}
}

// SAM publishes no version for a changed parameter; make deploy makes it.
func TestMakeDeployPublishesAVersionWhenAParameterChanges(t *testing.T) {
	t.Parallel()
	versions := func(fingerprint string) []string {
		file := filepath.Join(t.TempDir(), "template.yaml")
		source, err := os.ReadFile(filepath.Join(rig.Root(), "template.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, source, 0o600); err != nil {
			t.Fatal(err)
		}
		rig.Run(t, rig.Tool(t, "python"), "-c",
			"import sys, pathlib; sys.path.insert(0, 'sam'); import stack; stack.publish_on_change(pathlib.Path(sys.argv[1]), sys.argv[2])",
			file, fingerprint)
		var ids []string
		for id, resource := range template.TransformFile(t, file, template.Parameters{})[0].Resources() {
			if resource.(map[string]any)["Type"] == "AWS::Lambda::Version" {
				ids = append(ids, id)
			}
		}
		return ids
	}
	fingerprint := func(parameter string) string {
		return strings.TrimSpace(rig.Run(t, rig.Tool(t, "python"), "-c",
			"import sys; sys.path.insert(0, 'sam'); import stack; print(stack.fingerprint([sys.argv[1]]))", parameter))
	}
	before, same, after := versions(fingerprint("MemorySize=256")), versions(fingerprint("MemorySize=256")), versions(fingerprint("MemorySize=512"))
	if len(before) != 1 || !slices.Equal(before, same) {
		t.Errorf("the same parameters make the versions %v and %v", before, same)
	}
	if slices.Equal(before, after) {
		t.Errorf("another parameter makes the same version %v", after)
	}
}
