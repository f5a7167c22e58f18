package rig

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// buildFunction builds the function once per test binary.
var buildFunction = sync.OnceValues(func() (bootstrap string, err error) {
	// ./... leaves out _e2e: the policies' folder has Go files too.
	dir := filepath.Join(Root(), "build", "_e2e", filepath.Base(os.Args[0]))
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return lambdatest.BuildFunction(context.Background(), dir)
})

// Bootstrap returns the path of the built function.
func Bootstrap(t testing.TB) string {
	t.Helper()
	bootstrap, err := buildFunction()
	if err != nil {
		t.Fatalf("build the function: %v", err)
	}
	return bootstrap
}

// Broker is the function, with simulators as its upstreams.
type Broker struct {
	*lambdatest.Function // nil before Start
	Atlas                *atlastest.Server
	Secrets              *secrettest.Server
	// Program is the bootstrap, or a script that runs it.
	Program string
	// Env is the function's environment. Change it before Start.
	Env map[string]string
}

// NewBroker starts the simulators for a bootstrap.
func NewBroker(t testing.TB, bootstrap string, atlas *atlastest.Options, secret *secrettest.Options) *Broker {
	b := &Broker{Program: bootstrap, Atlas: atlastest.NewServer(atlas), Secrets: secrettest.NewServer(secret)}
	t.Cleanup(b.Atlas.Close)
	t.Cleanup(b.Secrets.Close)
	b.Env = map[string]string{
		"ATLAS_BASE_URL": b.Atlas.URL, "ATLAS_SECRET_ARN": b.Secrets.ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": b.Secrets.URL,
		"LAMBDA_TASK_ROOT": filepath.Dir(bootstrap), "AWS_REGION": Region, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY": "example",
	}
	return b
}

// Start starts the function. It is stopped with the test.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var err error
	if b.Function, err = lambdatest.Start(ctx, b.Program, b.Env); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
}

// Usage returns the memory and the open descriptors of the function's process.
func (b *Broker) Usage(t testing.TB) (memory procfs.ProcStatus, descriptors int) {
	t.Helper()
	proc, err := procfs.NewProc(b.PID())
	if err != nil {
		t.Fatal(err)
	}
	if memory, err = proc.NewStatus(); err != nil {
		t.Fatal(err)
	}
	if descriptors, err = proc.FileDescriptorsLen(); err != nil {
		t.Fatal(err)
	}
	return memory, descriptors
}
