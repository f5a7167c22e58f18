package reliability

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestLimits runs the function with few resources. Root is not needed: a shell
// sets the limits.
func TestLimits(t *testing.T) {
	for name, limit := range map[string]string{
		"10 file descriptors": "ulimit -n 10",
		"no file is writable": "ulimit -f 0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			script := fmt.Sprintf("#!/bin/sh\n%s && exec %s\n", limit, s.Program)
			s.Program = filepath.Join(t.TempDir(), "bootstrap")
			if err := os.WriteFile(s.Program, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			s.Start(s.t)
			for range 3 {
				if reply := s.call(); reply.Failed() {
					t.Errorf("%s: %s", reply.ErrorType, reply.ErrorMessage)
				}
			}
		})
	}
}
