package main

import (
	"fmt"
	"time"
)

// part is one condition and the subjects that are measured in it.
type part struct {
	condition condition
	subjects  []string
}

// Names of the conditions that the bars speak of.
const (
	noTLS     = "near-clear"
	near      = "near"
	nearHTTP1 = "near-http1"
	far80     = "far-80ms"
	ahead80   = "ahead-80ms"
	long      = "10000-calls"
)

// memorySizes are the function's memory sizes, in MB, that are compared.
var memorySizes = []int{128, 256, 512, 1024, 1769}

func memoryName(megabytes int) string { return fmt.Sprintf("memory-%d", megabytes) }

// plan is what is measured. Secrets Manager is 2 ms away and takes 15 ms
// wherever Atlas is at a distance.
func plan(full bool, m *meter) []part {
	starts, warm := 50, 200
	if !full {
		starts = 15
	}
	at := func(rtt time.Duration) condition {
		return condition{
			Name: fmt.Sprintf("far-%dms", rtt.Milliseconds()), AtlasRTT: rtt,
			SecretsRTT: 2 * time.Millisecond, SecretsService: 15 * time.Millisecond, Starts: starts,
		}
	}
	all := []string{floor, plain, ours, rustSDK, rustLean, node, python}
	work := []string{plain, ours, rustSDK, rustLean}
	parts := []part{
		{condition{Name: noTLS, Clear: true, Starts: starts, Warm: warm}, all},
		{condition{Name: near, Starts: starts, Warm: warm}, all},
		{condition{Name: nearHTTP1, HTTP1: true, Starts: starts, Warm: warm}, []string{floor, plain, ours, rustSDK, rustLean}},
		{at(80 * time.Millisecond), append([]string{floor}, work...)},
	}
	ahead := at(80 * time.Millisecond)
	ahead.Name, ahead.Ahead = ahead80, true
	parts = append(parts, part{ahead, work})
	parts = append(parts, part{condition{Name: long, Starts: 1, Warm: 10_000}, []string{floor, plain, ours}})
	if !full {
		return parts
	}
	parts = append(parts, part{at(20 * time.Millisecond), work}, part{at(200 * time.Millisecond), work})
	for _, megabytes := range memorySizes {
		if m.group(megabytes) == nil {
			continue // said in the report
		}
		c := at(80 * time.Millisecond)
		c.Name, c.MemoryMB, c.Warm = memoryName(megabytes), megabytes, 5
		parts = append(parts, part{c, []string{floor, plain, ours, rustSDK}})
	}
	return parts
}
