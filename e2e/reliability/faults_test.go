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

// row is one fault and what the caller is promised.
type row struct {
	name string
	// arrange breaks something; it runs before the function starts.
	arrange func(*system)
	// afterStart breaks something once the function has started; nil for nothing.
	afterStart func(*system)
	want       string // the code, or OK
	attempts   int    // how many calls of Atlas were begun
}

// result is what came of a row.
type result struct {
	row
	answer   string
	used     float64 // share of the function's time
	attempts string
	leaked   bool
}

func TestFaults(t *testing.T) {
	all := rows()
	if len(all) < 50 {
		t.Fatalf("the matrix has %d faults, want at least 50", len(all))
	}
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
	r.arrange(s)
	s.start()
	if r.afterStart != nil {
		r.afterStart(s)
	}
	// An answer that is not there by the deadline is no answer.
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	began := time.Now()
	reply, err := s.runs.Invoke(ctx, []byte(event), &lambdatest.InvokeOptions{Timeout: timeout})
	used := time.Since(began)
	if err != nil {
		t.Fatalf("no answer before the deadline: %v\n%s", err, s.runs.Stdout())
	}
	s.runs.Stop()
	got := result{row: r, answer: "OK", used: used.Seconds() / timeout.Seconds(), leaked: s.leaked()}
	if reply.Failed() {
		got.answer = reply.ErrorType
	}
	audit := s.audit()
	attempts := 0
	if n, ok := audit["Attempts"].(float64); ok {
		attempts = int(n)
	}
	got.attempts = fmt.Sprint(attempts)
	if got.answer != r.want {
		t.Errorf("the answer is %s, want %s\n%s", got.answer, r.want, s.runs.Stdout())
	}
	if audit["outcome"] != got.answer {
		t.Errorf("the audit line says %v, the answer %s", audit["outcome"], got.answer)
	}
	if attempts != r.attempts {
		t.Errorf("%d attempts, want %d\n%s", attempts, r.attempts, s.runs.Stdout())
	}
	if got.leaked {
		t.Errorf("the process wrote the secret or a token url:\n%s%s", s.runs.Stdout(), s.runs.Stderr())
	}
	if strings.Contains(reply.ErrorMessage, clientSecret) || strings.Contains(reply.ErrorMessage, "arn:aws") {
		t.Errorf("the error message says too much: %s", reply.ErrorMessage)
	}
	return got
}

func table(results []result) []byte {
	var b bytes.Buffer
	b.WriteString("| # | fault | expected | answer | time used of the budget | attempts | secret leaked |\n|---|---|---|---|---|---|---|\n")
	for i, r := range results {
		leaked := "no"
		if r.leaked {
			leaked = "YES"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %.0f %% | %s | %s |\n", i+1, r.name, r.want, r.answer, 100*r.used, r.attempts, leaked)
	}
	return b.Bytes()
}
