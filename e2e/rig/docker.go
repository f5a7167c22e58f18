package rig

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// Architecture returns Lambda's name of this machine's processor, x86_64 or arm64.
func Architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// networks counts the networks made, so that each has a name of its own.
var networks atomic.Int32

// Network makes a Docker network for the test. It returns its name and the address under which containers on it reach
// this machine: a server that listens there is seen by them, while one that listens on the loopback is not.
func Network(t testing.TB) (name, address string) {
	t.Helper()
	name = fmt.Sprintf("atrip-e2e-%d-%d", os.Getpid(), networks.Add(1))
	Run(t, docker(), "network", "create", name)
	t.Cleanup(func() {
		if out, err := exec.Command(docker(), "network", "rm", name).CombinedOutput(); err != nil {
			t.Errorf("a container of this test outlived it: %v\n%s", err, out)
		}
	})
	gateway := Run(t, docker(), "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", name)
	return name, strings.TrimSpace(gateway)
}

// docker returns the client to use: Debian's own where another stands before it in PATH.
func docker() string {
	if _, err := os.Stat("/usr/bin/docker"); err == nil {
		return "/usr/bin/docker"
	}
	return "docker"
}
