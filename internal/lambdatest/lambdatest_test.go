package lambdatest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"atriptoken/internal/lambdatest"
)

var bootstrap string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdatest")
	if err != nil {
		panic(err)
	}
	bootstrap, err = lambdatest.Build(context.Background(), dir, "atriptoken/internal/lambdatest/testdata/echo")
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func start(t *testing.T, env map[string]string) *lambdatest.Function {
	t.Helper()
	f, err := lambdatest.Start(t.Context(), lambdatest.Options{Path: bootstrap, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func TestFunction_AnswersOneEventAfterTheOther(t *testing.T) {
	t.Parallel()
	f := start(t, map[string]string{"GREETING": "hello"})
	for _, event := range []string{`{"n":1}`, `{"n":2}`} {
		reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{
			FunctionARN: lambdatest.DefaultFunctionARN + ":service", RequestID: "id-1", Timeout: time.Minute,
			ClientContext: `{"custom":{"tool":"open"}}`,
		})
		if err != nil || reply.Failed() {
			t.Fatalf("Invoke: %v, %+v", err, reply)
		}
		got := string(reply.Payload)
		for _, want := range []string{`"event":` + event, `:function:atriptoken:service"`, `"id-1"`, `"hello"`, `"open"`, `"inherited":""`} {
			if !strings.Contains(got, want) {
				t.Errorf("the reply %s does not hold %s", got, want)
			}
		}
	}
	if f.PID() == os.Getpid() || !strings.Contains(f.Stdout(), "served") {
		t.Errorf("pid %d, stdout %q", f.PID(), f.Stdout())
	}
}

func TestFunction_ReportsAFunctionErrorByItsType(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	reply, err := f.Invoke(t.Context(), []byte(`"fail"`), nil)
	if err != nil || !reply.Failed() || reply.ErrorType != "NotToday" || reply.ErrorMessage != "come back tomorrow" {
		t.Fatalf("Invoke: %v, %+v", err, reply)
	}
	if reply, err = f.Invoke(t.Context(), []byte(`1`), nil); err != nil || reply.Failed() {
		t.Errorf("the process did not go on: %v, %+v", err, reply)
	}
}

func TestFunction_TellsThatTheProcessEnded(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	_, err := f.Invoke(t.Context(), []byte(`"exit"`), nil)
	if !errors.Is(err, lambdatest.ErrExited) || !strings.Contains(err.Error(), "exit status 7: asked to exit") {
		t.Fatalf("Invoke: %v", err)
	}
	<-f.Exited()
	if _, err := f.Invoke(t.Context(), []byte(`1`), nil); !errors.Is(err, lambdatest.ErrExited) {
		t.Errorf("a second Invoke: %v", err)
	}
}

func TestStart_FailsWithWhatTheProcessSaid(t *testing.T) {
	t.Parallel()
	_, err := lambdatest.Start(t.Context(), lambdatest.Options{Path: bootstrap, Env: map[string]string{"REFUSE": "1"}})
	if !errors.Is(err, lambdatest.ErrExited) || !strings.Contains(err.Error(), "refused to start") {
		t.Errorf("Start: %v", err)
	}
	if _, err := lambdatest.Start(t.Context(), lambdatest.Options{Path: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("Start of a file that does not exist succeeded")
	}
}

func TestInvoke_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	if err := f.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Invoke(ctx, []byte(`1`), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Invoke: %v", err)
	}
	if err := f.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

func TestBuild_SaysWhatDoesNotBuild(t *testing.T) {
	t.Parallel()
	if _, err := lambdatest.Build(t.Context(), t.TempDir(), "atriptoken/none"); err == nil || !strings.Contains(err.Error(), "atriptoken/none") {
		t.Errorf("Build: %v", err)
	}
}
