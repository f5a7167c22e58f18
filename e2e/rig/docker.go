package rig

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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
//
// With the test, the network ends, and first every container on it: SAM CLI leaves one behind when it is interrupted
// while it starts it, or when it has to be killed.
func Network(t testing.TB) (name, address string) {
	t.Helper()
	name = fmt.Sprintf("atrip-e2e-%d-%d", os.Getpid(), networks.Add(1))
	Run(t, docker(), "network", "create", name)
	t.Cleanup(func() { removeNetwork(t, name) })
	gateway := Run(t, docker(), "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", name)
	return name, strings.TrimSpace(gateway)
}

// removeNetwork removes the network and the containers on it. The engine takes a container from its network a moment
// after it has removed it, so that the network may need to be asked for more than once.
func removeNetwork(t testing.TB, name string) {
	var out []byte
	var err error
	for range 20 {
		containers, _ := exec.Command(docker(), "ps", "-aq", "--filter", "network="+name).Output()
		for _, container := range strings.Fields(string(containers)) {
			_ = exec.Command(docker(), "rm", "-f", container).Run() // it may be on its way out already
		}
		if out, err = exec.Command(docker(), "network", "rm", name).CombinedOutput(); err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Errorf("the test's network cannot be removed: %v\n%s", err, out)
}

// docker returns the client to use: Debian's own where another stands before it in PATH.
func docker() string {
	if _, err := os.Stat("/usr/bin/docker"); err == nil {
		return "/usr/bin/docker"
	}
	return "docker"
}
