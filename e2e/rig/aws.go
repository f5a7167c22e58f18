package rig

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// AWS calls an AWS API at endpoint and returns its result. It takes boto3's names ("ec2", "describe_vpcs"), for tests
// that read from many services, whose Go modules are large.
func AWS(t testing.TB, endpoint, service, operation string, parameters map[string]any) map[string]any {
	t.Helper()
	if parameters == nil {
		parameters = map[string]any{}
	}
	input, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Tool(t, "python"), filepath.Join(Root(), "e2e/rig/aws.py"), endpoint, service, operation)
	cmd.Env, cmd.Stdin, cmd.Stderr = Environ(), bytes.NewReader(input), t.Output()
	output, err := cmd.Output()
	var result map[string]any
	if err != nil || json.Unmarshal(output, &result) != nil {
		t.Fatalf("%s %s: %v\n%s", service, operation, err, output)
	}
	return result
}

// Moto starts moto's server, a simulator of AWS's APIs, on a free port of the address and returns its URL.
func Moto(t testing.TB, address string) string {
	t.Helper()
	cmd := exec.Command(Tool(t, "moto_server"), "-H", address, "-p", "0")
	return Start(t, cmd, `Running on (http://[0-9.:]+)`).Ready[1]
}
