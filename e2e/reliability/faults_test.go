package reliability

import (
	"bytes"
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

// result is what happened in a row.
type result struct {
	row
	answer string
	used   float64 // share of the function's timeout
}

func TestFaults(t *testing.T) {
	all := rows()
	results := make([]result, len(all))
	// t.Run returns when the parallel rows have ended.
	t.Run("matrix", func(t *testing.T) {
		for i, r := range all {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				results[i] = r.run(t)
			})
		}
	})
	if file := os.Getenv("FAULTS_TABLE"); file != "" && !t.Failed() {
		if err := os.WriteFile(file, table(results), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func (r row) run(t *testing.T) result {
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
	got := result{row: r, answer: "OK", used: reply.Duration.Seconds() / timeout.Seconds()}
	if reply.Failed() {
		got.answer = reply.ErrorType
	}
	lines := s.audit()
	if len(lines) != 1 {
		t.Fatalf("%d audit lines, want 1\n%s", len(lines), s.Stdout())
	}
	audit := lines[0]
	attempts, _ := audit["Attempts"].(float64)
	if got.answer != r.want || int(attempts) != r.attempts {
		t.Errorf("answer %s after %v attempts, want %s after %d\n%s", got.answer, attempts, r.want, r.attempts, s.Stdout())
	}
	if audit["outcome"] != got.answer {
		t.Errorf("the audit line's outcome is %v, the answer %s", audit["outcome"], got.answer)
	}
	s.keepsSecrets()
	if strings.Contains(reply.ErrorMessage, clientSecret) || strings.Contains(reply.ErrorMessage, "arn:aws") {
		t.Errorf("the error message contains the secret or its ARN: %s", reply.ErrorMessage)
	}
	return got
}

// table renders the results, all of which are as promised.
func table(results []result) []byte {
	var b bytes.Buffer
	b.WriteString("| # | fault | expected | answer | time used of the budget | attempts | secret leaked |\n|---|---|---|---|---|---|---|\n")
	for i, r := range results {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %.0f %% | %d | no |\n", i+1, r.name, r.want, r.answer, 100*r.used, r.attempts)
	}
	return b.Bytes()
}
