package main_test

import (
	"encoding/json"
	"fmt"
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
func outcomes(t *testing.T, f *lambdatest.Function) map[any]int {
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
	_, secrets, env := upstreams(t)
	f := start(t, env)
	hidden := "x\u202e\u2066\u0085\u007f\u2028\u001b"
	for _, event := range []string{
		event, `{"orderNo":1}`, "{", `{"orderNo":"X1","x` + "\u202e" + `":1}`,
		string(lambdatest.Event("http-api-jwt", lambdatest.Set(hidden, "requestContext", "requestId"),
			lambdatest.Set(hidden, "requestContext", "authorizer", "jwt", "claims", "iss"))),
	} {
		_, reply := ask(t, f, event, "api")
		checkLog(t, reply)
	}
	secrets.Close()
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
	_, _, env := upstreams(t)
	f := start(t, env)
	refused := 0
	for context, valid := range map[string]bool{
		`[1]`: false, `"x"`: false, `{"custom":[]}`: false, `{`: false, "x\u202e": false,
		"": true, "null": true, `{"custom":null,"env":{"a":"b"}}`: true,
	} {
		reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{ClientContext: context})
		if err != nil || reply.Failed() == valid {
			t.Errorf("%q: %s %v", context, reply.ErrorType, err)
		}
		if !valid {
			refused++
		}
	}
	f.Stop()
	for _, line := range checkLog(t, f.Stdout()+f.Stderr()) {
		if line["event"] == "runtime_error" && strings.Contains(fmt.Sprint(line["message"]), "client context") {
			refused--
		}
	}
	if refused != 0 {
		t.Errorf("%d refused invocations have no line:\n%s", refused, f.Stdout())
	}
}
