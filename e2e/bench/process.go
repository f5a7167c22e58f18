package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cpuTime is what the process has used of the processors so far, all its
// threads, to the nanosecond (Linux, sched-stats).
func cpuTime(pid int) time.Duration {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	var sum time.Duration
	for _, file := range files {
		var ns int64
		text, _ := os.ReadFile(file)
		if _, err := fmt.Sscan(string(text), &ns); err == nil {
			sum += time.Duration(ns)
		}
	}
	return sum
}

// resident is the process's resident memory in MB now, or its peak.
func resident(pid int, peak bool) float64 {
	field := "VmRSS:"
	if peak {
		field = "VmHWM:"
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		var kb float64
		if rest, ok := strings.CutPrefix(line, field); ok {
			if _, err := fmt.Sscan(rest, &kb); err == nil {
				return kb / 1024
			}
		}
	}
	return 0
}
