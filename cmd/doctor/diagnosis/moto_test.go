package diagnosis_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"
)

// moto starts moto's server, which simulates AWS, when the first test needs it. Each test uses another account.
var moto = sync.OnceValues(startMoto)

// motoProcess is nil until moto was started.
var motoProcess *exec.Cmd

// motoURL returns moto's address. `make tools` installs moto; without it the tests that need it are skipped, unless
// ATRIP_REQUIRE_MOTO is set, as in `make verify`.
func motoURL(t *testing.T) string {
	t.Helper()
	url, err := moto()
	if errors.Is(err, os.ErrNotExist) && os.Getenv("ATRIP_REQUIRE_MOTO") == "" {
		t.Skip("moto is not installed: make tools")
	}
	if err != nil {
		t.Fatalf("moto does not start: %v", err)
	}
	return url
}

func startMoto() (string, error) {
	binary, err := filepath.Abs("../../../.tools/venv/bin/moto_server")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(binary); err != nil {
		return "", err
	}
	command := exec.Command(binary, "-H", "127.0.0.1", "-p", "0")
	// Lambda functions are stored, never run.
	command.Env = append(os.Environ(), "MOTO_LAMBDA_STUB_ECR=true", "LAMBDA_USE_DOCKER=false", "MOTO_IAM_LOAD_MANAGED_POLICIES=false")
	stderr, err := command.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	motoProcess = command
	timer := time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	address := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() { // keep its pipe from filling up
				}
			}()
			return found[1], nil
		}
	}
	return "", errors.New("it ended without naming its address")
}

func TestMain(m *testing.M) {
	code := m.Run()
	if motoProcess != nil {
		_ = motoProcess.Process.Kill()
		_ = motoProcess.Wait()
	}
	os.Exit(code)
}
