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

// moto is moto's server, the stand-in for AWS: one process for all tests, each
// of which works in an account of its own.
var moto struct {
	sync.Mutex
	started bool
	url     string
	err     error
	process *exec.Cmd
}

// motoURL starts moto when no test has yet. `make tools` installs it; without
// it the tests against it are skipped, unless ATRIP_REQUIRE_MOTO is set, as
// `make verify` does.
func motoURL(t *testing.T) string {
	t.Helper()
	moto.Lock()
	defer moto.Unlock()
	if !moto.started {
		moto.started = true
		moto.url, moto.err = startMoto()
	}
	switch {
	case moto.err == nil:
		return moto.url
	case errors.Is(moto.err, os.ErrNotExist) && os.Getenv("ATRIP_REQUIRE_MOTO") == "":
		t.Skip("moto is not installed: make tools")
	}
	t.Fatalf("moto does not start: %v", moto.err)
	return ""
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
	// Lambda functions are only written down, never run; roles need not exist.
	command.Env = append(os.Environ(), "MOTO_LAMBDA_STUB_ECR=true", "LAMBDA_USE_DOCKER=false", "MOTO_IAM_LOAD_MANAGED_POLICIES=false")
	stderr, err := command.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	moto.process = command
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
	if moto.process != nil {
		_ = moto.process.Process.Kill()
		_ = moto.process.Wait()
	}
	os.Exit(code)
}
