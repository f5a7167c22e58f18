package main

import (
	"fmt"
	"io"

	"atriptoken/cmd/doctor/diagnosis"
)

// printer shows a run as it goes: each result on stdout as soon as it is
// there, and on stderr what is being looked at.
type printer struct {
	stdout, stderr io.Writer
	quiet          bool // no lines on stdout: JSON follows
	live           bool // stderr is a terminal, where a line can be written over

	// skips are skipped checks in a row with one cause: they become one line.
	skips []diagnosis.Result
}

func (p *printer) starting(check string, number, of int) {
	switch {
	case p.live:
		fmt.Fprintf(p.stderr, "\r\x1b[K%d/%d %s …", number, of, check)
	case p.quiet:
		fmt.Fprintf(p.stderr, "%d/%d %s\n", number, of, check)
	}
}

// clear removes the line that starting left on a terminal.
func (p *printer) clear() {
	if p.live {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
}

// marks are the words that lines begin with.
var marks = map[diagnosis.Status]string{diagnosis.Pass: "pass", diagnosis.Fail: "FAIL", diagnosis.Skipped: "skip"}

func (p *printer) found(r diagnosis.Result) {
	if p.quiet {
		return
	}
	joins := r.Status == diagnosis.Skipped && !r.Blocked && (len(p.skips) == 0 || p.skips[0].Cause == r.Cause)
	if !joins {
		p.flush()
	}
	if r.Status == diagnosis.Skipped && !r.Blocked {
		p.skips = append(p.skips, r)
		return
	}
	p.line(r)
}

// flush writes the skipped checks that were held back.
func (p *printer) flush() {
	if n := len(p.skips); n > 0 {
		first := p.skips[0]
		if n > 1 {
			first.Cause = fmt.Sprintf("%s (and %d more, to %s)", first.Cause, n-1, p.skips[n-1].Check)
		}
		p.skips = nil
		p.line(first)
	}
}

func (p *printer) line(r diagnosis.Result) {
	p.clear()
	mark := marks[r.Status]
	if r.Blocked {
		mark = "????"
	}
	fmt.Fprintf(p.stdout, "%s  %-17s  %s\n", mark, r.Check, r.Cause)
	if r.Mend != "" {
		fmt.Fprintf(p.stdout, "      %-17s  -> %s\n", "", r.Mend)
	}
}

func (p *printer) summary(report diagnosis.Report) {
	p.flush()
	verdict := map[int]string{
		0: "nothing that was checked stands in the way",
		1: "not ready: mend each FAIL and run doctor again",
		2: "not sure: what is marked ???? could not be checked",
	}[report.ExitCode()]
	fmt.Fprintf(p.stdout, "\n%d passed, %d failed, %d skipped: %s\n",
		report.Count(diagnosis.Pass), report.Count(diagnosis.Fail), report.Count(diagnosis.Skipped), verdict)
}
