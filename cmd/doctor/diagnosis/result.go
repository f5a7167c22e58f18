package diagnosis

import "fmt"

// Status is how a check ended.
type Status string

// The four statuses.
const (
	Pass    Status = "pass"
	Fail    Status = "fail"
	Skipped Status = "skipped" // it does not apply here
	Blocked Status = "blocked" // it applies and could not be made: no permission, no answer
)

// Result is what one check found.
type Result struct {
	// Check is the check's name, like "alarms".
	Check string `json:"check"`
	// Status is how the check ended.
	Status Status `json:"status"`
	// Cause describes what was found.
	Cause string `json:"cause"`
	// Fix says what to do; "" if there is nothing to do.
	Fix string `json:"fix,omitempty"`
}

func pass(format string, args ...any) Result {
	return Result{Status: Pass, Cause: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) Result {
	return Result{Status: Skipped, Cause: fmt.Sprintf(format, args...)}
}

func fail(format string, args ...any) Result {
	return Result{Status: Fail, Cause: fmt.Sprintf(format, args...)}
}

func blocked(cause, fix string) Result { return Result{Status: Blocked, Cause: cause, Fix: fix} }

// fix returns the result with what to do about it.
func (r Result) fix(format string, args ...any) Result {
	r.Fix = fmt.Sprintf(format, args...)
	return r
}

// Report holds the results of one run, in the order of the checks.
type Report []Result

// Count returns how many results have the status.
func (r Report) Count(status Status) (n int) {
	for _, result := range r {
		if result.Status == status {
			n++
		}
	}
	return n
}

// ExitCode returns 1 if a check failed, else 2 if one could not be made, else 0.
func (r Report) ExitCode() int {
	switch {
	case r.Count(Fail) > 0:
		return 1
	case r.Count(Blocked) > 0:
		return 2
	}
	return 0
}
