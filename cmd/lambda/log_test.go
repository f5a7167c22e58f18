package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"atriptoken/atlas/atlastest"
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

func TestFunction_LogIsJSON(t *testing.T) {
	t.Parallel()
	_, secrets, env := upstreams(t)
	f := start(t, env)
	hidden := "x\u202e\u2066\u0085\u007f\u2028\u001b"
	for _, event := range [][]byte{
		[]byte(event), []byte(`{"orderNo":1}`), []byte("{"), []byte(`{"orderNo":"X1","x` + "\u202e" + `":1}`),
		lambdatest.Event("http-api-jwt", lambdatest.Set(hidden, "requestContext", "requestId"),
			lambdatest.Set(hidden, "requestContext", "authorizer", "jwt", "claims", "iss")),
	} {
		reply, err := f.Invoke(t.Context(), event, &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + ":api"})
		if err != nil {
			t.Fatal(err)
		}
		checkLog(t, string(reply.Payload))
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
	contexts := []string{`[1]`, `"x"`, `7`, `{"custom":[]}`, `{`, "x\u202e", `{"custom":"` + "\u202e" + `"}`}
	for _, context := range contexts {
		reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{ClientContext: context})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(reply.ErrorMessage, "client context") {
			t.Errorf("%s: %s %s", context, reply.ErrorType, reply.ErrorMessage)
		}
	}
	for _, context := range []string{"", "null", `{}`, `{"custom":null,"env":{"a":"b"}}`} {
		reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{ClientContext: context})
		if err != nil || reply.Failed() {
			t.Errorf("%q: %s %v", context, reply.ErrorType, err)
		}
	}
	f.Stop()
	refused := 0
	for _, line := range checkLog(t, f.Stdout()+f.Stderr()) {
		if line["event"] == "runtime_error" && strings.Contains(fmt.Sprint(line["message"]), "client context") {
			refused++
		}
	}
	if refused != len(contexts) {
		t.Errorf("%d lines for %d refused invocations:\n%s", refused, len(contexts), f.Stdout())
	}
}

// SIGTERM ends the process after the invocation in flight.
func TestFunction_SIGTERMDrains(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	f := start(t, env)
	release := make(chan struct{})
	atlas.Script(atlastest.Hold(release, atlastest.OK()))
	replies := make(chan lambdatest.Reply, 1)
	go func() {
		reply, err := f.Invoke(t.Context(), []byte(event), nil)
		if err != nil {
			t.Error(err)
		}
		replies <- reply
	}()
	waitFor(t, "the call to reach Atlas", func() bool { return len(atlas.Requests()) == 1 })
	if err := f.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the process to take the signal", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.PID()))
		return err != nil || strings.Contains(string(status), "ShdPnd:\t0000000000000000")
	})
	close(release)
	if reply := <-replies; codeOf(t, reply) != "OK" {
		t.Errorf("the invocation in flight got %s", reply.ErrorType)
	}
	<-f.Exited()
	if err := f.Signal(syscall.SIGTERM); err == nil {
		t.Error("the process did not end")
	}
	if len(checkLog(t, f.Stdout()+f.Stderr())) != 1 {
		t.Errorf("the log is %s%s", f.Stdout(), f.Stderr())
	}
}
