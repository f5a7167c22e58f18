package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// A function with 1,769 MB has the equivalent of one processor, and others in
// proportion (Lambda developer guide, "Configure Lambda function memory").
const megabytesPerCPU = 1769

// period is the scheduler's; Lambda's quotas have been observed to work in
// periods of 20 ms.
const period = 20 * time.Millisecond

// cpuGroup is a control group (version 1) with a quota of processor time.
type cpuGroup struct{ dir string }

const cpuController = "/sys/fs/cgroup/cpu"

// newCPUGroup makes a group with the processor time that Lambda gives to a
// function of that memory size. It fails where that is not permitted.
func newCPUGroup(megabytes int) (*cpuGroup, error) {
	g := &cpuGroup{filepath.Join(cpuController, fmt.Sprintf("bench-%d-%d", os.Getpid(), megabytes))}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	quota := period * time.Duration(megabytes) / megabytesPerCPU
	for file, value := range map[string]time.Duration{"cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota} {
		if err := os.WriteFile(filepath.Join(g.dir, file), []byte(strconv.FormatInt(value.Microseconds(), 10)), 0); err != nil {
			g.remove()
			return nil, err
		}
	}
	return g, nil
}

func (g *cpuGroup) remove() { os.Remove(g.dir) }

// start starts the command in the group, or outside any when g is nil, and
// returns when. A child begins in the group of the thread that forks it.
func (g *cpuGroup) start(command *exec.Cmd) (time.Time, error) {
	if g != nil {
		// A start that follows another one at once would find the quota spent.
		time.Sleep(2 * period)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		move := func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "tasks"), []byte(strconv.Itoa(syscall.Gettid())), 0)
		}
		if err := move(g.dir); err != nil {
			return time.Time{}, err
		}
		defer move(cpuController)
	}
	began := time.Now()
	return began, command.Start()
}
