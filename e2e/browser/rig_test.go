package browser_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// root is the checkout's root, from this package.
const root = "../.."

// binary is cmd/local, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "atriptoken-browser")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "local")
		build := exec.Command("go", "build", "-o", binary, "./cmd/local")
		build.Dir, build.Stderr = root, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build cmd/local:", err)
			return 1
		}
		return m.Run()
	}())
}

// system is a running cmd/local, and every line that it wrote.
type system struct {
	Console, API, Issuer, Atlas, Secrets string

	mu    sync.Mutex
	lines []string
}

// start runs cmd/local on free ports until the test ends.
func start(t *testing.T, env ...string) *system {
	t.Helper()
	ports := []string{"-json", "-console-port=0", "-api-port=0", "-issuer-port=0", "-atlas-port=0", "-secrets-port=0"}
	command := exec.Command(binary, ports...)
	command.Dir = root
	command.Env = append(os.Environ(), env...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := &system{}
	ready := make(chan bool, 1)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.mu.Lock()
			s.lines = append(s.lines, lines.Text())
			s.mu.Unlock()
			if strings.Contains(lines.Text(), `"message":"ready"`) {
				ready <- json.Unmarshal(lines.Bytes(), s) == nil
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := command.Wait(); err != nil {
			t.Errorf("cmd/local ended badly: %v", err)
		}
	})
	select {
	case <-ready:
	case <-ended:
		t.Fatal("cmd/local did not start")
	case <-time.After(30 * time.Second):
		t.Fatal("cmd/local was not ready within 30 s")
	}
	return s
}

// output is all that cmd/local wrote so far.
func (s *system) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// browser starts Chromium with a fresh profile, its pop-up blocker on, and
// returns its first tab.
func browser(t *testing.T, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	flags := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-default-apps", true), chromedp.Flag("metrics-recording-only", true),
		chromedp.WindowSize(1360, 960), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(60 * time.Second),
	}
	for _, path := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(path); err == nil {
			flags = append(flags, chromedp.ExecPath(found))
			break
		}
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(flags, options...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// step bounds one action: a page that does not do what is waited for fails the
// test instead of hanging it.
const step = time.Minute

type action = chromedp.Action[chromedp.Void]

// run runs actions in a tab.
func run(t *testing.T, ctx context.Context, actions ...action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval returns an expression's value in a tab; a promise is awaited.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits for an expression to be true in a tab, across navigations. It asks
// by a timer: a tab behind another one draws no frames.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(step)))
		if err == nil {
			return
		}
		if ctx.Err() != nil || errors.Is(err, chromedp.ErrPollingTimeout) {
			t.Fatalf("waiting for %s: %v", expression, err)
		}
	}
}

// signIn opens the console and signs an operator in by the sign-in page.
func (s *system) signIn(t *testing.T, ctx context.Context, user string) {
	t.Helper()
	run(t, ctx, chromedp.Navigate(s.Console))
	until(t, ctx, `document.documentElement.dataset.ready === 'true'`)
	run(t, ctx,
		chromedp.Click(`#sign-in-hero`, chromedp.NodeVisible),
		chromedp.Click(`button[value="`+user+`"]`, chromedp.NodeVisible))
	until(t, ctx, `document.documentElement.dataset.ready === 'true' && !document.getElementById('signed-in').hidden`)
}
