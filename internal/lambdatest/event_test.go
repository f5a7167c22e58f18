package lambdatest_test

import (
	"bytes"
	"testing"

	"atriptoken/internal/lambdatest"
)

func TestSample_IsEditedInTurn(t *testing.T) {
	t.Parallel()
	if n := len(lambdatest.EventNames()); n < 16 {
		t.Errorf("%d samples", n)
	}
	for _, name := range lambdatest.EventNames() {
		if len(lambdatest.Event(name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	got := lambdatest.Event("plain", lambdatest.Set("X1", "orderNo"), lambdatest.Remove("role"), lambdatest.Set(1, "a", "b"), lambdatest.Set(nil, "userName"))
	if want := []byte(`{"a":{"b":1},"orderNo":"X1","userName":null}`); !bytes.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if again := lambdatest.Event("plain"); bytes.Contains(again, []byte("X1")) {
		t.Error("an edit changed the sample itself")
	}
}

func TestSample_PanicsOnWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(){
		"no such sample": func() { lambdatest.Event("none") },
		"no object":      func() { lambdatest.Event("plain", lambdatest.Set(1, "role", "x")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
}
