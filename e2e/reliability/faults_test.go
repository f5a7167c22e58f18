package reliability

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"atriptoken/internal/lambdatest"
)

// A row takes seconds: these are shorter than in production.
const (
	timeout = 4 * time.Second         // the function's
	attempt = 1200 * time.Millisecond // ATLAS_ATTEMPT_TIMEOUT
)

// row is one fault and the promised answer.
type row struct {
	name     string
	arrange  func(*system) // breaks something, before the function starts
	want     string        // the code, or OK
	attempts int           // calls of Atlas
}

func TestFaults(t *testing.T) {
	all := rows()
	used := make([]float64, len(all))
	// t.Run returns when the parallel rows have ended.
	t.Run("matrix", func(t *testing.T) {
		for i, r := range all {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				used[i] = r.run(t)
			})
		}
	})
	file := os.Getenv("FAULTS_TABLE")
	if file == "" || t.Failed() {
		return
	}
	table := "| # | fault | answer, as promised | time used of the budget | attempts |\n|---|---|---|---|---|\n"
	for i, r := range all {
		table += fmt.Sprintf("| %d | %s | %s | %.0f %% | %d |\n", i+1, r.name, r.want, 100*used[i], r.attempts)
	}
	if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
		t.Error(err)
	}
}

// run returns the share of the function's timeout that the call took.
func (r row) run(t *testing.T) (used float64) {
	s := newSystem(t)
	s.Env["ATLAS_ATTEMPT_TIMEOUT"] = attempt.String()
	r.arrange(s)
	s.Start(s.t)
	s.afterStart()
	// An answer after the deadline is no answer.
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	reply, err := s.Invoke(ctx, []byte(event), &lambdatest.InvokeOptions{Timeout: timeout})
	if err != nil {
		t.Fatalf("no answer before the deadline: %v\n%s", err, s.Stdout())
	}
	s.Stop()
	got := cmp.Or(reply.ErrorType, "OK")
	lines := s.audit()
	if len(lines) != 1 {
		t.Fatalf("%d audit lines, want 1\n%s", len(lines), s.Stdout())
	}
	audit := lines[0]
	attempts, _ := audit["Attempts"].(float64)
	if got != r.want || int(attempts) != r.attempts {
		t.Errorf("answer %s after %v attempts, want %s after %d\n%s", got, attempts, r.want, r.attempts, s.Stdout())
	}
	if audit["outcome"] != got {
		t.Errorf("the audit line's outcome is %v, the answer %s", audit["outcome"], got)
	}
	s.keepsSecrets()
	if strings.Contains(reply.ErrorMessage, clientSecret) || strings.Contains(reply.ErrorMessage, "arn:aws") {
		t.Errorf("the error message contains the secret or its ARN: %s", reply.ErrorMessage)
	}
	return reply.Duration.Seconds() / timeout.Seconds()
}
