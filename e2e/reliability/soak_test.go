package reliability

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"atriptoken/e2e/rig"
)

const samples = 80

// TestSoak checks that memory, descriptors and goroutines do not grow with the
// number of calls, SOAK_CALLS or a number for everyday use.
func TestSoak(t *testing.T) {
	calls, err := strconv.Atoi(cmp.Or(os.Getenv("SOAK_CALLS"), "20000"))
	if err != nil || calls < 4000 {
		t.Fatalf("SOAK_CALLS is not a number of at least 4000: %v", err)
	}
	memory, descriptors, many := soak(t, calls)
	// The second quarter, after the process has warmed up, and the last.
	quarters := func(values []int) (second, last int) {
		return median(values[samples/4 : samples/2]), median(values[samples*3/4:])
	}
	second, last := quarters(memory)
	growth := 100 * (float64(last)/float64(second) - 1)
	t.Logf("%d calls: resident memory %d KiB, then %d KiB (%+.1f %%)", calls, second, last, growth)
	if growth > 3 {
		t.Errorf("resident memory grew by %.1f %%, want at most 3 %%", growth)
	}
	second, last = quarters(descriptors)
	t.Logf("descriptors: %d, then %d", second, last)
	if last > second {
		t.Errorf("descriptors grew from %d to %d", second, last)
	}
	_, _, few := soak(t, calls/4)
	t.Logf("goroutines: %d after %d calls, %d after %d", few, calls/4, many, calls)
	// A few may be about to end. A leak would be proportional to the calls.
	if many > few+5 {
		t.Errorf("goroutines grew from %d to %d", few, many)
	}
}

// soak makes calls in a fresh process. It returns samples of its resident memory
// and descriptors, and the number of goroutines at the end.
func soak(t *testing.T, calls int) (memory, descriptors []int, goroutines int) {
	s := newSystem(t)
	s.Env["GOTRACEBACK"] = "all"
	s.Start(t)
	for n := range calls {
		if reply := s.call(); reply.Failed() {
			t.Fatalf("call %d: %s", n, reply.ErrorType)
		}
		if (n+1)%(calls/samples) == 0 {
			used, open := rig.Usage(t, s.PID())
			if used.RssAnon > 12<<20 {
				t.Fatalf("the process uses %d bytes after %d calls, want at most 12 MiB", used.RssAnon, n+1)
			}
			memory, descriptors = append(memory, int(used.VmRSS>>10)), append(descriptors, open)
		}
	}
	// On SIGQUIT, Go prints every goroutine's stack and exits.
	if err := s.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	goroutines = strings.Count(s.Stderr(), "\ngoroutine ")
	if goroutines == 0 {
		t.Fatalf("the process printed no goroutines:\n%s", s.Stderr())
	}
	return memory, descriptors, goroutines
}

func median(values []int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
