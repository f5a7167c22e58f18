package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"atriptoken/internal/lambdatest"
)

// checkLog checks that every line is a JSON object without raw control characters
// or marks that reorder text, and returns the lines.
func checkLog(t *testing.T, text string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Errorf("not a JSON object: %q", line)
		}
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("a raw control character in %q", line)
		}
		lines = append(lines, object)
	}
	return lines
}

// outcomes counts the audit lines by outcome, and checks that the log has no other lines.
func outcomes(t *testing.T, f *lambdatest.Broker) map[any]int {
	t.Helper()
	count := map[any]int{}
	for _, line := range checkLog(t, f.Stdout()+f.Stderr()) {
		if line["message"] != "request" || line["requestId"] == nil {
			t.Errorf("not an audit line: %v", line)
		}
		count[line["outcome"]]++
	}
	return count
}

func TestFunction_LogIsJSON(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Start(t)
	hidden := "x\u202e\u2066\u0085\u007f\u2028\u001b"
	for _, event := range []string{
		event, `{"orderNo":1}`, "{", `{"orderNo":"X1","x` + "\u202e" + `":1}`,
		string(lambdatest.Event("http-api-jwt", lambdatest.Set(hidden, "requestContext", "requestId"),
			lambdatest.Set(hidden, "requestContext", "authorizer", "jwt", "claims", "iss"))),
	} {
		_, reply := ask(t, f, event, "api")
		checkLog(t, reply)
	}
	f.Secrets.Close()
	f.Stop()
	lines := checkLog(t, f.Stdout()+f.Stderr())
	if len(lines) != 5 || lines[4]["issuer"] != hidden {
		t.Errorf("5 invocations wrote %d lines: %v", len(lines), lines)
	}
}

// aws-lambda-go refuses a client context that is not an object of strings. The
// log has a line for it.
func TestFunction_InvalidClientContext(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Start(t)
	invalid := []string{`[1]`, `"x"`, `{"custom":[]}`, `{`, "x\u202e"}
	for _, context := range append(invalid, "", "null", `{"custom":null,"env":{"a":"b"}}`) {
		want := ""
		if slices.Contains(invalid, context) {
			want = "errorString"
		}
		reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{ClientContext: context})
		if err != nil || reply.ErrorType != want {
			t.Errorf("%q: %s, want %s: %v", context, reply.ErrorType, want, err)
		}
	}
	f.Stop()
	lines := slices.DeleteFunc(checkLog(t, f.Stdout()+f.Stderr()), func(line map[string]any) bool { return line["event"] != "runtime_error" })
	if len(lines) != len(invalid) || !strings.Contains(fmt.Sprint(lines[0]["message"]), "client context") {
		t.Errorf("%d invalid contexts have the lines %v", len(invalid), lines)
	}
}
