package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// TestRuntimeInterfaceEmulator runs the built bootstrap under Lambda's emulator, without a container.
func TestRuntimeInterfaceEmulator(t *testing.T) {
	emulators, err := filepath.Glob(filepath.Join(rig.Root(), ".tools/venv/lib/python3*/site-packages/samcli/local/rapid",
		"aws-lambda-rie-"+rig.Architecture()))
	if err != nil || len(emulators) != 1 {
		t.Fatalf("SAM CLI's aws-lambda-rie-%s is missing: %v %v", rig.Architecture(), emulators, err)
	}
	dir, function := t.TempDir(), rig.Bootstrap(t)
	// A copy, as pip may have installed it without execute permission.
	emulator := filepath.Join(dir, "aws-lambda-rie")
	rig.Run(t, "install", "-m", "755", emulators[0], emulator)
	// The emulator chooses both ports. It passes port 0 on to the bootstrap, but prints the real one before.
	bootstrap, api := filepath.Join(dir, "bootstrap"), filepath.Join(dir, "api")
	write(t, bootstrap, "#!/bin/sh\nread -r AWS_LAMBDA_RUNTIME_API <"+api+"\nexec "+function+"\n")

	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: markedSecret})
	t.Cleanup(atlas.Close)
	moto := rig.Moto(t, "127.0.0.1")
	arn := rig.CreateSecret(t, moto, "atrip/atlas", secretValue)
	cmd := exec.Command(emulator, "--runtime-interface-emulator-address", "127.0.0.1:0", "--runtime-api-address", "127.0.0.1:0", bootstrap)
	// The emulator invokes no alias, as SAM CLI does.
	cmd.Env = rig.Environ("ATLAS_BASE_URL="+atlas.URL, "ATLAS_SECRET_ARN="+arn, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+moto,
		"AWS_SAM_LOCAL=true", "LAMBDA_TASK_ROOT="+filepath.Dir(function), "AWS_LAMBDA_FUNCTION_NAME=atrip")
	process := rig.Start(t, cmd, `Listening port was dynamically allocated port=\D*(\d+)`)
	write(t, api, "127.0.0.1:"+process.Ready[1]+"\n")
	url := "http://127.0.0.1:" + process.Listening(t, process.Ready[1]) + "/2015-03-31/functions/function/invocations"
	for _, name := range []string{"http-api-jwt", "plain"} {
		t.Run(name, func(t *testing.T) {
			answer, body := rig.Send(t, http.MethodPost, url, string(lambdatest.Event(name)))
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("the emulator answered %s: %s", answer.Status, body)
			}
			hasLink(t, atlas, body, process.Output())
		})
	}
}
