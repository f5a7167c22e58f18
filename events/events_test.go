package events_test

import (
	"bytes"
	"testing"

	"atriptoken/events"
)

func TestSample_IsEditedInTurn(t *testing.T) {
	t.Parallel()
	if n := len(events.Names()); n < 16 {
		t.Errorf("%d samples", n)
	}
	for _, name := range events.Names() {
		if len(events.Sample(name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	got := events.Sample("plain", events.Set("X1", "orderNo"), events.Remove("role"), events.Set(1, "a", "b"), events.Set(nil, "userName"))
	if want := []byte(`{"a":{"b":1},"orderNo":"X1","userName":null}`); !bytes.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if again := events.Sample("plain"); bytes.Contains(again, []byte("X1")) {
		t.Error("an edit changed the sample itself")
	}
}

func TestSample_PanicsOnWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(){
		"no such sample": func() { events.Sample("none") },
		"no object":      func() { events.Sample("plain", events.Set(1, "role", "x")) },
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
