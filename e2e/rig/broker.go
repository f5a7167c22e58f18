package rig

import (
	"testing"

	"github.com/prometheus/procfs"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// Bootstrap returns the path of the built function.
func Bootstrap(t testing.TB) string { return lambdatest.Bootstrap(t) }

// Broker is the function, with simulators as its upstreams.
type Broker struct{ *lambdatest.Broker }

// NewBroker starts the simulators for a bootstrap.
func NewBroker(t testing.TB, bootstrap string, atlas *atlastest.Options, secret *secrettest.Options) *Broker {
	return &Broker{lambdatest.NewBroker(t, bootstrap, atlas, secret)}
}

// Call sends an event through an alias of the function, which must answer it.
func (b *Broker) Call(t testing.TB, alias string, event []byte) lambdatest.Reply {
	t.Helper()
	reply, err := b.Invoke(t.Context(), event, &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":" + alias})
	if err != nil {
		t.Fatalf("%v\n%s%s", err, b.Stdout(), b.Stderr())
	}
	return reply
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
