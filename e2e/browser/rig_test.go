package browser_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// root is the checkout's root, from this package; tools is where tools/tools.sh
// installs what package.json names.
const (
	root  = "../.."
	tools = root + "/.tools/npm/node_modules/"
)

// step bounds one action: a page that does not do what is waited for fails the
// test instead of hanging it.
const step = time.Minute

// browser starts Chromium with a fresh profile, its pop-up blocker on, and
// returns its first tab.
func browser(t *testing.T) context.Context {
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
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); cancel() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

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

// call calls a method of the DevTools protocol.
func call[P, R any](t *testing.T, ctx context.Context, method cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, method, params); err != nil {
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

// do runs statements in a tab.
func do(t *testing.T, ctx context.Context, statements string) {
	t.Helper()
	eval[bool](t, ctx, `(async () => { `+statements+`; return true; })()`)
}

// until waits for an expression to be true in a tab, across navigations. It asks
// by a timer: a tab behind another one draws no frames.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression,
			chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(step)))
		if err == nil {
			return
		}
		if ctx.Err() != nil || errors.Is(err, chromedp.ErrPollingTimeout) {
			t.Fatalf("waiting for %s: %v", expression, err)
		}
	}
}

// media sets a preference of the user, such as prefers-color-scheme.
func media(t *testing.T, ctx context.Context, feature, value string) {
	t.Helper()
	call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
	})
}

// listen returns a function for what a tab has written to its console and log
// since.
func listen(t *testing.T, ctx context.Context) func() string {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	if err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			for _, argument := range e.Args {
				lines = append(lines, string(argument.Value))
			}
		case *log.EventEntryAdded:
			lines = append(lines, e.Entry.Text+" "+e.Entry.URL)
		}
	}); err != nil {
		t.Fatal(err)
	}
	call(t, ctx, log.Enable, cdp.Empty{})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
}
