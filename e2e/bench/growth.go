package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// growth is one curve: what the broker's cost does as something grows.
type growth struct {
	name, text string
	columns    []string
	// rows measures the curve, a row for each point.
	rows func(m *meter, full bool) ([][]float64, error)
}

func (g growth) measure(m *meter, r *results, full bool) error {
	rows, err := g.rows(m, full)
	if err != nil {
		return err
	}
	r.Growths = append(r.Growths, growthTable{g.name, g.text, g.columns, rows})
	return nil
}

var growths = []growth{
	{"calls", "Calls answered by one process", []string{"calls", "CPU µs a call", "p50 ms", "p99 ms", "resident MB"}, byCalls},
	{"policies", "Policies in the file", []string{"policies", "INIT ms", "INIT CPU ms", "p50 ms", "CPU µs a call"}, byPolicies},
	{"body", "Size of the request's body", []string{"bytes", "p50 ms", "CPU µs a call"}, byBody},
	{"concurrency", "Invocations at once in one process (AWS_LAMBDA_MAX_CONCURRENCY=64)",
		[]string{"at once", "calls a second", "CPU µs a call", "resident MB"}, byConcurrency},
}

// run starts the broker near Atlas with the variables, has it answer its first
// call, and hands it over.
func (m *meter) run(variables []string, use func(e *environment) error) error {
	s := m.subjects[ours]
	all, err := m.variables(s, condition{Variables: variables})
	if err != nil {
		return err
	}
	e, err := start(s.program, all, nil, m.dir)
	if err != nil {
		return err
	}
	defer e.stop()
	if _, err := e.waitReady(); err != nil {
		return err
	}
	if _, err := e.invoke(m.event, s.want); err != nil {
		return err
	}
	return use(e)
}

// calls makes n calls one after the other, and returns what the last of them,
// 10,000 at most, took beyond Atlas's time, and the CPU µs of each on average.
func (m *meter) calls(e *environment, event []byte, n int) (took []float64, cpu float64, err error) {
	used := cpuTime(e.command.Process.Pid)
	for i := range n {
		busy := m.atlas.busy.Load()
		in, err := e.invoke(event, m.subjects[ours].want)
		if err != nil {
			return nil, 0, err
		}
		if n-i <= 10_000 {
			took = append(took, ms(in.done.Sub(in.sent)-time.Duration(m.atlas.busy.Load()-busy)))
		}
	}
	return took, ms(cpuTime(e.command.Process.Pid)-used) * 1000 / float64(n), nil
}

func byCalls(m *meter, full bool) (rows [][]float64, err error) {
	most := 10_000
	if full {
		most = 1_000_000
	}
	err = m.run(nil, func(e *environment) error {
		done := 1
		for upTo := 100; upTo <= most; upTo *= 10 {
			took, cpu, err := m.calls(e, m.event, upTo-done)
			if err != nil {
				return err
			}
			done = upTo
			rows = append(rows, []float64{float64(done), cpu, quantile(took, .5), quantile(took, .99), resident(e.command.Process.Pid, false)})
		}
		return nil
	})
	return rows, err
}

func byPolicies(m *meter, full bool) (rows [][]float64, err error) {
	for _, n := range []int{1, 10, 100, 1000} {
		file := filepath.Join(m.dir, fmt.Sprintf("%d.cedar", n))
		if err := os.WriteFile(file, policies(n), 0o644); err != nil {
			return nil, err
		}
		c := condition{Name: "policies", Starts: 20, Warm: 200, Variables: []string{"ATRIP_POLICY_FILE=" + file}}
		c.Ahead = true // which tells the processor time of INIT apart
		samples, err := m.measure(c, ours)
		if err != nil {
			return nil, err
		}
		s := samples[ours]
		rows = append(rows, []float64{
			float64(n), quantile(s[initWall], .5), quantile(s[initCPU], .5), quantile(s[warmWall], .5), quantile(s[warmCPU], .5) * 1000,
		})
	}
	return rows, nil
}

// policies is a file of n policies, each of which an operator's call has to be
// held against; the last one permits it.
func policies(n int) []byte {
	var text strings.Builder
	for i := range n - 1 {
		fmt.Fprintf(&text, "@id(\"branch-%d\")\npermit (principal is Operator, action == Action::\"openPortal\", resource is Order)\n"+
			"when { context.role == \"Branch %d\" && principal.groups.contains(\"branch-%d\") };\n", i, i, i)
	}
	text.WriteString("@id(\"operator\")\npermit (principal is Operator, action == Action::\"openPortal\", resource is Order)\n" +
		"when { context.userName == principal.name && principal.groups.contains(\"atrip-customer-service\") };\n")
	return []byte(text.String())
}

func byBody(m *meter, full bool) (rows [][]float64, err error) {
	err = m.run(nil, func(e *environment) error {
		for _, size := range []int{64, 256, 1024, 4096, 16384} {
			event, err := withBody(m.event, size)
			if err != nil {
				return err
			}
			took, cpu, err := m.calls(e, event, 2000)
			if err != nil {
				return err
			}
			rows = append(rows, []float64{float64(size), quantile(took, .5), cpu})
		}
		return nil
	})
	return rows, err
}

func byConcurrency(m *meter, full bool) (rows [][]float64, err error) {
	// Without the template's GOMAXPROCS, which is for one at a time.
	err = m.run([]string{"AWS_LAMBDA_MAX_CONCURRENCY=64", "GOMAXPROCS="}, func(e *environment) error {
		const total = 12_800
		for _, atOnce := range []int{1, 4, 16, 64} {
			used, began := cpuTime(e.command.Process.Pid), time.Now()
			errs := make(chan error, atOnce)
			var group sync.WaitGroup
			for range atOnce {
				group.Go(func() {
					for range total / atOnce {
						if _, err := e.invoke(m.event, m.subjects[ours].want); err != nil {
							errs <- err
							return
						}
					}
				})
			}
			group.Wait()
			select {
			case err := <-errs:
				return err
			default:
			}
			took, cpu := time.Since(began), cpuTime(e.command.Process.Pid)-used
			rows = append(rows, []float64{float64(atOnce), total / took.Seconds(), ms(cpu) * 1000 / total, resident(e.command.Process.Pid, false)})
		}
		return nil
	})
	return rows, err
}
