package rig

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// Architecture returns this machine's architecture as Lambda names it.
func Architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// networks makes the networks' names unique.
var networks atomic.Int32

// Network creates a Docker network for the test. It returns its name and the address by which its containers reach
// this machine. The network and its containers are removed with the test, as SAM CLI can leave a container behind.
func Network(t testing.TB) (name, address string) {
	t.Helper()
	name = fmt.Sprintf("atrip-e2e-%d-%d", os.Getpid(), networks.Add(1))
	Run(t, docker(), "network", "create", name)
	t.Cleanup(func() {
		if out, err := exec.Command("bash", "-c", removeNetwork, docker(), name).CombinedOutput(); err != nil {
			t.Errorf("remove the network %s: %v\n%s", name, err, out)
		}
	})
	gateway := Run(t, docker(), "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", name)
	return name, strings.TrimSpace(gateway)
}

// removeNetwork removes the network and its containers. It tries again, as the engine detaches a container from its
// network a moment after removing it.
const removeNetwork = `for _ in $(seq 20); do
  "$0" ps -aq --filter "network=$1" | xargs -r "$0" rm -f
  "$0" network rm "$1" && exit
  sleep 0.5
done
exit 1`

// docker returns the client that tools/docker.sh chose.
func docker() string { return cmp.Or(os.Getenv("DOCKER"), "docker") }
