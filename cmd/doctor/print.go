package main

import (
	"fmt"
	"io"

	"atriptoken/cmd/doctor/diagnosis"
)

// printer prints each result at once, and consecutive skipped checks with one cause as one line.
type printer struct {
	io.Writer
	skipped []diagnosis.Result // not printed yet
}

var marks = map[diagnosis.Status]string{
	diagnosis.Pass: "pass", diagnosis.Fail: "FAIL", diagnosis.Skipped: "skip", diagnosis.Blocked: "????",
}

func (p *printer) add(r diagnosis.Result) {
	if len(p.skipped) > 0 && (r.Status != diagnosis.Skipped || r.Cause != p.skipped[0].Cause) {
		p.flush()
	}
	if r.Status == diagnosis.Skipped {
		p.skipped = append(p.skipped, r)
		return
	}
	p.print(r)
}

// flush prints the skipped checks.
func (p *printer) flush() {
	if n := len(p.skipped); n > 0 {
		first := p.skipped[0]
		if n > 1 {
			first.Cause = fmt.Sprintf("%s (and %d more, to %s)", first.Cause, n-1, p.skipped[n-1].Check)
		}
		p.skipped = nil
		p.print(first)
	}
}

func (p *printer) print(r diagnosis.Result) {
	fmt.Fprintf(p, "%s  %-17s  %s\n", marks[r.Status], r.Check, r.Cause)
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
	fmt.Fprintf(p, "\n%d passed, %d failed, %d skipped, %d not checked: %s\n", report.Count(diagnosis.Pass), report.Count(diagnosis.Fail),
		report.Count(diagnosis.Skipped), report.Count(diagnosis.Blocked), verdict[report.ExitCode()])
}
