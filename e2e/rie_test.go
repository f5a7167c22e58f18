package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
)

// The built bootstrap, unchanged, under Lambda's own Runtime Interface Emulator and with no container: Secrets Manager
// is moto's, Atlas the simulator.
func TestBootstrapAnswersUnderTheRuntimeInterfaceEmulator(t *testing.T) {
	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: markedSecret})
	t.Cleanup(atlas.Close)
	moto := rig.Moto(t, "127.0.0.1")
	arn := rig.CreateSecret(t, moto, "atrip/atlas", secretValue)
	lambda, log := startRIE(t,
		"ATLAS_BASE_URL="+atlas.URL, "ATLAS_SECRET_ARN="+arn, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+moto)

	for _, name := range []string{"http-api-jwt", "plain"} {
		t.Run(name, func(t *testing.T) {
			event, err := os.ReadFile(filepath.Join(rig.Root(), "events", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			answer, body := send(t, http.MethodPost, lambda, string(event))
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("the emulator answered %s: %s", answer.Status, body)
			}
			keepsSecret(t, log(), mintedURL(t, body))
		})
	}
}

// startRIE builds the function for this machine and runs it under the emulator that SAM CLI ships, with the variables
// given. It returns the invocation URL and what both have written.
func startRIE(t *testing.T, variables ...string) (invoke string, log func() string) {
	t.Helper()
	emulators, err := filepath.Glob(filepath.Join(rig.Root(), ".tools/venv/lib/python3*/site-packages/samcli/local/rapid",
		"aws-lambda-rie-"+rig.Architecture()))
	if err != nil || len(emulators) != 1 {
		t.Fatalf("SAM CLI's aws-lambda-rie-%s is not there: %v %v", rig.Architecture(), emulators, err)
	}
	rig.Run(t, "make", "build")
	// A copy, as pip may have installed it without the right to execute.
	emulator := filepath.Join(t.TempDir(), "aws-lambda-rie")
	rig.Run(t, "install", "-m", "755", emulators[0], emulator)

	address := "127.0.0.1:" + freePort(t)
	artifact := filepath.Join(rig.Root(), "build")
	cmd := exec.Command(emulator, "--runtime-interface-emulator-address", address,
		"--runtime-api-address", "127.0.0.1:"+freePort(t), filepath.Join(artifact, "bootstrap"))
	cmd.Env = rig.Environ(append(variables, "LAMBDA_TASK_ROOT="+artifact, "AWS_LAMBDA_FUNCTION_NAME=atrip")...)
	process := rig.Start(t, cmd, `exec '.*bootstrap'`)
	// The emulator says nothing when it begins to listen.
	rig.AwaitListener(t, address)
	return "http://" + address + "/2015-03-31/functions/function/invocations", process.Output
}
