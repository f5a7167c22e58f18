package lambdatest_test

import (
	"testing"

	"atriptoken/internal/lambdatest"
)

func TestEvent_Edits(t *testing.T) {
	t.Parallel()
	if n := len(lambdatest.EventNames()); n < 16 {
		t.Errorf("%d sample events, want at least 16", n)
	}
	got := lambdatest.Event("plain", lambdatest.Set("X1", "orderNo"), lambdatest.Remove("role"),
		lambdatest.Set(1, "a", "b"), lambdatest.Set(nil, "userName"))
	if want := `{"a":{"b":1},"orderNo":"X1","userName":null}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEvent_Panics(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(){
		"missing sample":        func() { lambdatest.Event("none") },
		"path through a string": func() { lambdatest.Event("plain", lambdatest.Set(1, "role", "x")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
