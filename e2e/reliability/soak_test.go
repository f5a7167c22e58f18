package reliability

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"atriptoken/internal/lambdatest"
)

// soakCalls is SOAK_CALLS, or a bounded number for every day; `make soak` sets
// 200,000.
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

// TestSoak: memory, descriptors and goroutines do not grow with calls.
func TestSoak(t *testing.T) {
	calls := soakCalls(t)
	s := newSystem(t)
	s.env["GOTRACEBACK"] = "all"
	s.start()
	const samples = 80
	var rss []int
	var descriptors []int
	for n := range calls {
		reply, err := s.runs.Invoke(t.Context(), []byte(event), nil)
		if err != nil || reply.Failed() {
			t.Fatalf("call %d: %s %v", n, reply.ErrorType, err)
		}
		if (n+1)%(calls/samples) == 0 {
			rss = append(rss, residentKB(t, s.runs.PID()))
			descriptors = append(descriptors, countDescriptors(t, s.runs.PID()))
		}
	}
	second, last := median(rss[samples/4:samples/2]), median(rss[samples*3/4:])
	growth := float64(last)/float64(second) - 1
	t.Logf("%d calls: resident memory %d KiB in the second quarter, %d KiB in the last (%+.1f %%); descriptors %d, then %d",
		calls, second, last, 100*growth, median(descriptors[samples/4:samples/2]), median(descriptors[samples*3/4:]))
	if growth > 0.03 {
		t.Errorf("resident memory grew by %.1f %% from the second quarter to the last, want at most 3 %%", 100*growth)
	}
	if a, b := median(descriptors[samples/4:samples/2]), median(descriptors[samples*3/4:]); b > a {
		t.Errorf("descriptors grew from %d to %d", a, b)
	}
	whole := goroutines(t, s.runs)

	short := newSystem(t)
	short.env["GOTRACEBACK"] = "all"
	short.start()
	for range calls / 4 {
		if reply, err := short.runs.Invoke(t.Context(), []byte(event), nil); err != nil || reply.Failed() {
			t.Fatal(reply.ErrorType, err)
		}
	}
	quarter := goroutines(t, short.runs)
	t.Logf("goroutines: %d after %d calls, %d after %d", quarter, calls/4, whole, calls)
	// One that carries a call's bytes may be caught on its way out; a leak would be as large as the calls are many.
	const onTheirWay = 5
	if whole > quarter+onTheirWay {
		t.Errorf("goroutines grew from %d to %d", quarter, whole)
	}
}

func residentKB(t *testing.T, pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb
		}
	}
	t.Fatal("the process has no VmRSS")
	return 0
}

func countDescriptors(t *testing.T, pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// goroutines ends the process with the signal on which Go prints every stack,
// and counts those of its own program.
func goroutines(t *testing.T, f *lambdatest.Function) int {
	if err := f.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-f.Exited()
	return strings.Count(f.Stderr(), "\ngoroutine ")
}

func median(values []int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
