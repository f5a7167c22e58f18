package lambdatest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"atriptoken/internal/lambdatest"
)

var bootstrap string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdatest")
	if err != nil {
		panic(err)
	}
	if bootstrap, err = lambdatest.Build(context.Background(), dir, "testdata/echo"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func start(t *testing.T) *lambdatest.Function {
	t.Helper()
	f, err := lambdatest.Start(t.Context(), bootstrap, map[string]string{"GREETING": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, event := range []string{`{"n":1}`, `{"n":2}`} {
		reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{
			FunctionARN: lambdatest.DefaultFunctionARN + ":service", ClientContext: `{"custom":{"tool":"open"}}`,
		})
		if err != nil || reply.Failed() {
			t.Fatalf("Invoke: %v, %+v", err, reply)
		}
		for _, want := range []string{event, `:function:atriptoken:service"`, `"GREETING=hello"`, `"open"`} {
			if !strings.Contains(string(reply.Payload), want) {
				t.Errorf("the reply %s does not contain %s", reply.Payload, want)
			}
		}
		if strings.Contains(string(reply.Payload), "HOME=") {
			t.Error("the function inherits the test's environment")
		}
		if reply.Duration <= 0 || f.InitDuration() <= 0 {
			t.Errorf("durations are %v and %v, want positive ones", reply.Duration, f.InitDuration())
		}
	}
	if f.Stop(); strings.Count(f.Stdout(), "served") != 2 {
		t.Errorf("stdout is %q", f.Stdout())
	}
}

func TestInvoke_FunctionError(t *testing.T) {
	t.Parallel()
	reply, err := start(t).Invoke(t.Context(), []byte(`"fail"`), nil)
	if err != nil || reply.ErrorType != "NotToday" || reply.ErrorMessage != "come back tomorrow" {
		t.Errorf("Invoke: %v, %+v", err, reply)
	}
}

func TestInvoke_ProcessExits(t *testing.T) {
	t.Parallel()
	f := start(t)
	_, err := f.Invoke(t.Context(), []byte(`"exit"`), nil)
	<-f.Exited()
	_, again := f.Invoke(t.Context(), []byte(`1`), nil)
	for _, err := range []error{err, again} {
		if err == nil || !strings.Contains(err.Error(), "exit status 7: asked to exit") {
			t.Errorf("Invoke: %v", err)
		}
	}
}

func TestInvoke_ContextEnds(t *testing.T) {
	t.Parallel()
	f := start(t)
	if err := f.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Invoke(ctx, []byte(`1`), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke: %v", err)
	}
}

func TestStart_Fails(t *testing.T) {
	t.Parallel()
	_, err := lambdatest.Start(t.Context(), bootstrap, map[string]string{"REFUSE": "1"})
	if err == nil || !strings.Contains(err.Error(), "refused to start") {
		t.Errorf("Start: %v", err)
	}
	if _, err := lambdatest.Start(t.Context(), filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a missing file starts")
	}
	if _, err := lambdatest.Build(t.Context(), t.TempDir(), "testdata"); err == nil || !strings.Contains(err.Error(), "no Go files") {
		t.Errorf("Build: %v", err)
	}
}

func TestEvent_Edits(t *testing.T) {
	t.Parallel()
	got := lambdatest.Event("plain", lambdatest.Set("X1", "orderNo"), lambdatest.Set(lambdatest.Absent{}, "role"),
		lambdatest.Set(1, "a", "b"), lambdatest.Set(nil, "userName"))
	if want := `{"a":{"b":1},"orderNo":"X1","userName":null}`; string(got) != want || len(lambdatest.EventNames()) < 16 {
		t.Errorf("got %s of %d, want %s", got, len(lambdatest.EventNames()), want)
	}
}
