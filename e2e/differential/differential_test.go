// Package differential compares the built function with an oracle that was
// written from docs/policy.md alone.
package differential

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
)

const cases = 20_000

// TestDifferential sends random requests of signed-in operators, and checks that
// the function permits exactly those that the documentation permits.
// DIFFERENTIAL_SEED repeats a run.
func TestDifferential(t *testing.T) {
	seed := cmp.Or(os.Getenv("DIFFERENTIAL_SEED"), fmt.Sprint(rand.Uint32()))
	function := lambdatest.NewBroker(t, lambdatest.Bootstrap(t), nil, nil)
	function.Start(t)
	counts := map[string]int{}
	wrong := 0
	for line := range strings.Lines(rig.Run(t, "python3", "e2e/differential/oracle.py", seed, fmt.Sprint(cases))) {
		var c struct {
			Event json.RawMessage
			Want  string
			Token json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		counts[c.Want]++
		if got := answer(string(function.Call(t, "api", c.Event).Payload)); got != c.Want {
			t.Errorf("seed %s: %s, want %s\ntoken %s\nevent %s", seed, got, c.Want, c.Token, c.Event)
			if wrong++; wrong == 10 {
				return
			}
		}
	}
	for _, answer := range []string{"permitted", "denied", "unidentified"} {
		if counts[answer] < cases/50 {
			t.Errorf("seed %s: few requests are %s: %v", seed, answer, counts)
		}
	}
}

// answer is the oracle's word for a reply: the problem's detail shows whether the
// request has an identity.
func answer(reply string) string {
	switch {
	case strings.Contains(reply, "carries no identity"):
		return "unidentified"
	case strings.Contains(reply, "NotPermitted"):
		return "denied"
	case strings.Contains(reply, "?token="):
		return "permitted"
	}
	return reply
}
