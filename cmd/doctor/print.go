package main

import (
	"fmt"
	"io"

	"atriptoken/cmd/doctor/diagnosis"
)

// printer prints each result at once, and consecutive skipped checks with one cause as one line.
type printer struct {
	io.Writer
	skips []diagnosis.Result // not printed yet
}

func (p *printer) found(r diagnosis.Result) {
	skipped := r.Status == diagnosis.Skipped && !r.Blocked
	if len(p.skips) > 0 && (!skipped || p.skips[0].Cause != r.Cause) {
		p.flush()
	}
	if skipped {
		p.skips = append(p.skips, r)
		return
	}
	p.line(r)
}

// flush prints the skipped checks.
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
	mark := map[diagnosis.Status]string{diagnosis.Pass: "pass", diagnosis.Fail: "FAIL", diagnosis.Skipped: "skip"}[r.Status]
	if r.Blocked {
		mark = "????"
	}
	fmt.Fprintf(p, "%s  %-17s  %s\n", mark, r.Check, r.Cause)
	if r.Fix != "" {
		fmt.Fprintf(p, "      %-17s  -> %s\n", "", r.Fix)
	}
}

func (p *printer) summary(report diagnosis.Report) {
	p.flush()
	verdict := []string{
		"nothing that was checked prevents going live",
		"not ready: fix each FAIL and run doctor again",
		"not sure: what is marked ???? could not be checked",
	}
	fmt.Fprintf(p, "\n%d passed, %d failed, %d skipped: %s\n",
		report.Count(diagnosis.Pass), report.Count(diagnosis.Fail), report.Count(diagnosis.Skipped), verdict[report.ExitCode()])
}
