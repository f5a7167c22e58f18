package diagnosis

import "encoding/json"

// Status is what a check came to.
type Status string

// The three statuses.
const (
	Pass    Status = "pass"
	Fail    Status = "fail"
	Skipped Status = "skipped"
)

// Result is what one check found.
type Result struct {
	// Check names the check, like "alarms". The runbook and docs/go-live.md
	// use the same names.
	Check string `json:"check"`
	// Status tells pass, fail or skipped.
	Status Status `json:"status"`
	// Blocked tells, of a skipped check, that something should have been
	// looked at and could not be: no permission, no answer.
	Blocked bool `json:"blocked,omitempty"`
	// Cause says what was seen.
	Cause string `json:"cause"`
	// Mend says what to do about it; "" when there is nothing to do.
	Mend string `json:"mend,omitempty"`
}

// finding is a Result before it is given its check's name.
type finding = Result

func pass(cause string) finding       { return finding{Status: Pass, Cause: cause} }
func fail(cause, mend string) finding { return finding{Status: Fail, Cause: cause, Mend: mend} }
func skip(cause string) finding       { return finding{Status: Skipped, Cause: cause} }
func blocked(cause, mend string) finding {
	return finding{Status: Skipped, Blocked: true, Cause: cause, Mend: mend}
}

// Report is everything that one run found, in the order of the checks.
type Report []Result

// ExitCode returns 1 when something would stop going live, else 2 when
// something could not be checked, else 0.
func (r Report) ExitCode() int {
	code := 0
	for _, result := range r {
		switch {
		case result.Status == Fail:
			return 1
		case result.Blocked:
			code = 2
		}
	}
	return code
}

// Count returns how many results have the status.
func (r Report) Count(status Status) int {
	n := 0
	for _, result := range r {
		if result.Status == status {
			n++
		}
	}
	return n
}

// MarshalJSON returns {"exitCode","results"}.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ExitCode int      `json:"exitCode"`
		Results  []Result `json:"results"`
	}{r.ExitCode(), []Result(r)})
}
