package main

import (
	"fmt"
	"io"

	"atriptoken/cmd/doctor/diagnosis"
)

var marks = map[diagnosis.Status]string{
	diagnosis.Pass: "pass", diagnosis.Fail: "FAIL", diagnosis.Skipped: "skip", diagnosis.Blocked: "????",
}

func printResult(to io.Writer, r diagnosis.Result) {
	fmt.Fprintf(to, "%s  %-17s  %s\n", marks[r.Status], r.Check, r.Cause)
	if r.Fix != "" {
		fmt.Fprintf(to, "      %-17s  -> %s\n", "", r.Fix)
	}
}

func printSummary(to io.Writer, report diagnosis.Report) {
	verdict := []string{
		"nothing that was checked prevents going live",
		"not ready: fix each FAIL and run doctor again",
		"not sure: what is marked ???? could not be checked",
	}
	fmt.Fprintf(to, "\n%d passed, %d failed, %d skipped, %d not checked: %s\n", report.Count(diagnosis.Pass), report.Count(diagnosis.Fail),
		report.Count(diagnosis.Skipped), report.Count(diagnosis.Blocked), verdict[report.ExitCode()])
}
