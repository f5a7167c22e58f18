package e2e_test

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// TestRuntimeInterfaceEmulator runs the built bootstrap under Lambda's emulator, without a container.
func TestRuntimeInterfaceEmulator(t *testing.T) {
	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: markedSecret})
	t.Cleanup(atlas.Close)
	moto := rig.Moto(t, "127.0.0.1")
	arn := rig.CreateSecret(t, moto, "atrip/atlas", secretValue)
	// The emulator invokes no alias, as SAM CLI does.
	url, log := startRIE(t, "ATLAS_BASE_URL="+atlas.URL, "ATLAS_SECRET_ARN="+arn,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER="+moto, "AWS_SAM_LOCAL=true")
	for _, name := range []string{"http-api-jwt", "plain"} {
		t.Run(name, func(t *testing.T) {
			answer, body := rig.Send(t, http.MethodPost, url, string(lambdatest.Event(name)))
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("the emulator answered %s: %s", answer.Status, body)
			}
			keepsSecret(t, log(), mintedURL(t, body))
		})
	}
}

// startRIE builds the function and runs it under the emulator that comes with SAM CLI. It returns the URL that invokes
// it and its output so far.
func startRIE(t *testing.T, variables ...string) (invoke string, log func() string) {
	t.Helper()
	emulators, err := filepath.Glob(filepath.Join(rig.Root(), ".tools/venv/lib/python3*/site-packages/samcli/local/rapid",
		"aws-lambda-rie-"+rig.Architecture()))
	if err != nil || len(emulators) != 1 {
		t.Fatalf("SAM CLI's aws-lambda-rie-%s is missing: %v %v", rig.Architecture(), emulators, err)
	}
	rig.Run(t, "make", "build")
	// A copy, as pip may have installed it without execute permission.
	emulator := filepath.Join(t.TempDir(), "aws-lambda-rie")
	rig.Run(t, "install", "-m", "755", emulators[0], emulator)

	address := "127.0.0.1:" + freePort(t)
	artifact := filepath.Join(rig.Root(), "build")
	cmd := exec.Command(emulator, "--runtime-interface-emulator-address", address,
		"--runtime-api-address", "127.0.0.1:"+freePort(t), filepath.Join(artifact, "bootstrap"))
	cmd.Env = rig.Environ(append(variables, "LAMBDA_TASK_ROOT="+artifact, "AWS_LAMBDA_FUNCTION_NAME=atrip")...)
	process := rig.Start(t, cmd, `exec '.*bootstrap'`)
	// The emulator prints nothing when it begins to listen.
	awaitListener(t, address)
	return "http://" + address + "/2015-03-31/functions/function/invocations", process.Output
}

func awaitListener(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing listens at %s: %v", address, err)
		}
	}
}
