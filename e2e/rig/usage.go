package rig

import (
	"testing"

	"github.com/prometheus/procfs"
)

// Usage returns the memory and the open descriptors of a process.
func Usage(t testing.TB, pid int) (memory procfs.ProcStatus, descriptors int) {
	t.Helper()
	proc, err := procfs.NewProc(pid)
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
