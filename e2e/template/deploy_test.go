package template_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

// stackCommand runs make and returns what it wrote.
func stackCommand(t *testing.T, environment []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return rig.Output(t, environment, "make", append([]string{"-s"}, args...)...)
}

func TestStackCommands_Refuse(t *testing.T) {
	t.Parallel()
	moto := "AWS_ENDPOINT_URL=" + rig.Moto(t, "127.0.0.1")
	unknown := "samconfig.toml has no environment 'prod' to deploy to; it has default, production"
	for name, row := range map[string]struct {
		args, environment []string
		want              string
	}{
		"deploy, unknown environment":   {[]string{"deploy", "ENV=prod"}, nil, "make deploy: " + unknown},
		"outputs, unknown environment":  {[]string{"outputs", "ENV=prod"}, nil, "make outputs: " + unknown},
		"logs, unknown environment":     {[]string{"logs", "ENV=prod"}, nil, "make logs: " + unknown},
		"destroy, unknown environment":  {[]string{"destroy", "ENV=prod"}, nil, "make destroy: " + unknown},
		"secret, unknown environment":   {[]string{"secret", "ENV=prod"}, nil, "make secret: " + unknown},
		"doctor, unknown environment":   {[]string{"doctor", "ENV=prod"}, nil, "make doctor: " + unknown},
		"deploy, local environment":     {[]string{"deploy", "ENV=local"}, nil, "no environment 'local'"},
		"deploy, example values":        {[]string{"deploy", "ENV=production"}, nil, `AtlasBaseUrl = "https://atlas.example.com"`},
		"doctor, no stack, environment": {[]string{"doctor", "STACK=", "ENV=production"}, nil, "ENV=production has no effect"},
		"unknown profile":               {[]string{"outputs"}, []string{"AWS_PROFILE=nope"}, "The config profile (nope) could not be found"},
		"outputs, no stack yet":         {[]string{"outputs"}, []string{moto}, "stack atrip-token-broker-sandbox does not exist"},
		"logs, no stack yet":            {[]string{"logs"}, []string{moto}, "'atrip-token-broker-sandbox' does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := stackCommand(t, row.environment, row.args...)
			if err == nil {
				t.Fatalf("make %v continued: %s", row.args, stdout)
			}
			if !strings.Contains(stderr, row.want) || strings.Contains(stderr, "Traceback") {
				t.Errorf("make %v says %q, want %q", row.args, stderr, row.want)
			}
		})
	}
}

// stackInMoto makes a stack with the sandbox's name in moto and returns moto's URL.
func stackInMoto(t *testing.T) string {
	t.Helper()
	moto := rig.Moto(t, "127.0.0.1")
	rig.AWS(t, moto, "cloudformation", "create_stack", map[string]any{
		"StackName": "atrip-token-broker-sandbox",
		"TemplateBody": `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},
			"Outputs":{"Url":{"Value":"https://a-rather-long-name.execute-api.eu-west-1.amazonaws.com/getAtripToken.do"}}}`,
	})
	return moto
}

// Only the sandbox can be deleted at once. SAM CLI is left out, and the check for example values; moto has no such call.
func TestMakeDeploy_TerminationProtection(t *testing.T) {
	t.Parallel()
	calls := make(chan string, 1)
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls <- r.FormValue("Action") + " " + r.FormValue("EnableTerminationProtection") + " " + r.FormValue("StackName")
		_, _ = w.Write([]byte("<R><UpdateTerminationProtectionResult><StackId>id</StackId></UpdateTerminationProtectionResult></R>"))
	}))
	t.Cleanup(aws.Close)
	for env, want := range map[string]string{"default": "none", "production": "UpdateTerminationProtection true broker"} {
		_, stderr, err := stackCommand(t, []string{"AWS_ENDPOINT_URL=" + aws.URL},
			"deploy", "ENV="+env, "STACK=broker", "SAM=true", "lines_of=true")
		got := "none"
		if len(calls) > 0 {
			got = <-calls
		}
		if err != nil || got != want {
			t.Errorf("make deploy ENV=%s: %v, the call is %s, want %s\n%s", env, err, got, want, stderr)
		}
	}
}

// AWS_REGION overrides AWS_DEFAULT_REGION, as in the AWS CLI and in doctor.
func TestMakeOutputs_Region(t *testing.T) {
	t.Parallel()
	moto := stackInMoto(t)
	for _, other := range []string{"", "us-east-1"} {
		environment := []string{"AWS_ENDPOINT_URL=" + moto, "AWS_REGION=" + rig.Region, "AWS_DEFAULT_REGION=" + other}
		stdout, stderr, err := stackCommand(t, environment, "outputs")
		if err != nil || !strings.Contains(stdout, "https://a-rather-long-name.execute-api.eu-west-1.amazonaws.com/getAtripToken.do") {
			t.Errorf("with AWS_DEFAULT_REGION=%s: %v, %q\n%s", other, err, stdout, stderr)
		}
	}
}

func TestMakeDestroy_NotConfirmed(t *testing.T) {
	t.Parallel()
	moto := stackInMoto(t)
	// Standard input is empty, as in automation.
	stdout, stderr, err := stackCommand(t, []string{"AWS_ENDPOINT_URL=" + moto}, "destroy")
	if err == nil || !strings.Contains(stderr, "Aborted!") {
		t.Errorf("continued without an answer: %s%s", stdout, stderr)
	}
	if !strings.Contains(stdout, "The secret, the logs and the fixed addresses stay") {
		t.Errorf("does not say what stays: %s", stdout)
	}
	if stacks := rig.AWS(t, moto, "cloudformation", "describe_stacks", nil)["Stacks"].([]any); len(stacks) != 1 {
		t.Errorf("%d stacks are there, want 1", len(stacks))
	}
}

// SAM publishes a version only for changed code; e2e/release shows that this file makes changed parameters changed code.
func TestArtifact_HoldsParameters(t *testing.T) {
	t.Parallel()
	artifact := t.TempDir()
	rig.Run(t, "make", "-s", "-f", "tools/arm64/Makefile", "build-Function", "ARTIFACTS_DIR="+artifact)
	rig.Run(t, "cmp", "samconfig.toml", filepath.Join(artifact, "samconfig.toml"))
}
