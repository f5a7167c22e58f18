package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The template gives the function 256 MB. The worst events of Lambda's 6 MB stay
// far below, so that a compromised service cannot end the process.
func TestFunction_MemoryOfTheWorstEvents(t *testing.T) {
	t.Parallel()
	const most = 96 << 20
	f := newBroker(t)
	f.Start(t)
	for _, size := range []int{6<<20 - 300, 256<<10 - 300} {
		for _, value := range worstValues(size) {
			for _, shape := range []string{
				`{"version":"2.0","requestContext":{"http":{},"authorizer":{"jwt":{"claims":{"groups":%s}}}}}`,
				`{"version":"2.0","requestContext":{"http":{},"authorizer":{"lambda":%s}}}`,
				`{"version":%s}`, `{"requestContext":{"identity":{}},"headers":%s}`, `{"requestContext":{"elb":{}},"multiValueHeaders":%s}`,
				`{"info":{},"identity":{"claims":%s}}`, `{"info":{},"arguments":%s}`, `{"Details":{"Parameters":%s}}`, `{"orderNo":%s}`,
			} {
				for _, door := range []string{"api", "service"} {
					ask(t, f, fmt.Sprintf(shape, value), door)
				}
			}
		}
	}
	if all := outcomes(t, f); all["OK"]+all["Internal"] > 0 {
		t.Errorf("the outcomes are %v", all)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.PID()))
	if err != nil {
		t.Skip("no /proc")
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if kilobytes, _ := strconv.Atoi(string(peak[1])); kilobytes<<10 > most {
		t.Errorf("the process needed %d MiB, want at most %d", kilobytes>>10, most>>20)
	} else {
		t.Logf("the process needed %d MiB", kilobytes>>10)
	}
}

// worstValues returns JSON values of this size that need much memory when parsed.
func worstValues(size int) []string {
	var members strings.Builder
	for i := 0; members.Len() < size-20; i++ {
		fmt.Fprintf(&members, `"%x":"",`, i)
	}
	return []string{
		"{" + members.String() + `"x":0}`,
		"[" + strings.Repeat("0,", size/2-2) + "0]",
		"[" + strings.Repeat(`"",`, size/3-2) + "0]",
		`"` + strings.Repeat(`\u0000`, size/6-1) + `"`,
	}
}
