package reliability

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// soakCalls returns SOAK_CALLS, or a number for everyday use.
func soakCalls(t *testing.T) int {
	text := os.Getenv("SOAK_CALLS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 4000 {
		t.Fatalf("SOAK_CALLS=%q is not a number of at least 4000", text)
	}
	return n
}

// TestSoak checks that memory, descriptors and goroutines do not grow with the
// number of calls.
func TestSoak(t *testing.T) {
	calls := soakCalls(t)
	const samples = 80
	var memory, descriptors []int
	whole := soak(t, calls, func(n, pid int) {
		if n%(calls/samples) == 0 {
			memory = append(memory, memoryKB(t, pid, "VmRSS"))
			descriptors = append(descriptors, countDescriptors(t, pid))
		}
	})
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
	quarter := soak(t, calls/4, func(int, int) {})
	t.Logf("goroutines: %d after %d calls, %d after %d", quarter, calls/4, whole, calls)
	// A few may be about to end. A leak would be proportional to the calls.
	if whole > quarter+5 {
		t.Errorf("goroutines grew from %d to %d", quarter, whole)
	}
}

// soak makes calls in a fresh process and returns the number of goroutines at
// the end. It calls after with the number of calls so far.
func soak(t *testing.T, calls int, after func(n, pid int)) (goroutines int) {
	s := newSystem(t)
	s.env["GOTRACEBACK"] = "all"
	s.start()
	for n := range calls {
		if reply := s.call(); reply.Failed() {
			t.Fatalf("call %d: %s", n, reply.ErrorType)
		}
		after(n+1, s.function.PID())
	}
	// On SIGQUIT, Go prints every goroutine's stack and exits.
	if err := s.function.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	s.waitExit()
	goroutines = strings.Count(s.function.Stderr(), "\ngoroutine ")
	if goroutines == 0 {
		t.Fatalf("the process printed no goroutines:\n%s", s.function.Stderr())
	}
	return goroutines
}

// memoryKB returns a process's VmRSS, its resident memory, or RssAnon, the same
// without mapped files.
func memoryKB(t *testing.T, pid int, field string) (kB int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), field+":")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatalf("the process has no %s: %v", field, err)
	}
	return kB
}

func countDescriptors(t *testing.T, pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func median(values []int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
