package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

// limitCPU returns a program that runs bootstrap with the share of a processor
// that Lambda gives a function of this memory size: 1,769 MB is one processor
// (Lambda developer guide, "Configure Lambda function memory"). The program is a
// shell script, which adds about a millisecond.
func limitCPU(b *testing.B, bootstrap string, megabytes int) (program string) {
	b.Helper()
	const period = 20_000 // µs, as observed on Lambda
	quota := period * megabytes / 1769
	name := fmt.Sprintf("atriptoken-bench-%d-%d", os.Getpid(), time.Now().UnixNano())
	group := filepath.Join("/sys/fs/cgroup/cpu", name)
	limits := map[string]string{"cpu.cfs_period_us": fmt.Sprint(period), "cpu.cfs_quota_us": fmt.Sprint(quota)}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil { // version 2
		group = filepath.Join("/sys/fs/cgroup", name)
		limits = map[string]string{"cpu.max": fmt.Sprint(quota, " ", period)}
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		b.Skipf("limiting the processor takes root and control groups: %v", err)
	}
	b.Cleanup(func() { _ = os.Remove(group) })
	for file, value := range limits {
		if err := os.WriteFile(filepath.Join(group, file), []byte(value), 0); err != nil {
			b.Fatal(err)
		}
	}
	program = filepath.Join(b.TempDir(), "bootstrap")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s/cgroup.procs && exec %s\n", group, bootstrap)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		b.Fatal(err)
	}
	return program
}

// cpuTime returns the processor time of all threads so far.
func cpuTime(b *testing.B, f *lambdatest.Broker) time.Duration {
	b.Helper()
	var used unix.Timespec
	clock := int32(^f.PID()<<3 | 2) // clock_getcpuclockid(3)
	if err := unix.ClockGettime(clock, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Nano())
}

func residentMB(b *testing.B, f *lambdatest.Broker) float64 {
	memory, _ := rig.Usage(b, f.PID())
	return float64(memory.VmRSS) / (1 << 20)
}
