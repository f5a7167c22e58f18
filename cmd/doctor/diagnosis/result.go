package diagnosis

import (
	"encoding/json"
	"fmt"
)

// Status is how a check ended.
type Status string

// The three statuses.
const (
	Pass    Status = "pass"
	Fail    Status = "fail"
	Skipped Status = "skipped"
)

// Result is what one check found.
type Result struct {
	// Check is the check's name, like "alarms".
	Check string `json:"check"`
	// Status is pass, fail or skipped.
	Status Status `json:"status"`
	// Blocked marks a skipped check that should have been made and could not: no permission, no answer.
	Blocked bool `json:"blocked,omitempty"`
	// Cause describes what was found.
	Cause string `json:"cause"`
	// Fix says what to do; "" if there is nothing to do.
	Fix string `json:"fix,omitempty"`
}

func result(status Status, format string, args []any) Result {
	return Result{Status: status, Cause: fmt.Sprintf(format, args...)}
}

func pass(format string, args ...any) Result { return result(Pass, format, args) }
func skip(format string, args ...any) Result { return result(Skipped, format, args) }
func fail(format string, args ...any) Result { return result(Fail, format, args) }

// fix returns the result with what to do about it.
func (r Result) fix(format string, args ...any) Result {
	r.Fix = fmt.Sprintf(format, args...)
	return r
}

// Report holds the results of one run, in the order of the checks.
type Report []Result

// ExitCode returns 1 if a check failed, else 2 if one could not be made, else 0.
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
func (r Report) Count(status Status) (n int) {
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
	}{r.ExitCode(), r})
}
