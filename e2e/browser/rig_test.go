package browser_test

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"atriptoken/e2e/local"
)

// root is the checkout's root, from this package.
const root = "../.."

// system is a running cmd/local.
type system struct{ *local.System }

func start(t *testing.T, settings ...string) system {
	t.Helper()
	return system{local.Start(t, settings...)}
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

// signIn opens the console and signs an operator in by the sign-in page.
func (s system) signIn(t *testing.T, ctx context.Context, user string) {
	t.Helper()
	run(t, ctx, chromedp.Navigate(s.Console))
	until(t, ctx, `document.documentElement.dataset.ready === 'true'`)
	run(t, ctx,
		chromedp.Click(`#sign-in-hero`, chromedp.NodeVisible),
		chromedp.Click(`button[value="`+user+`"]`, chromedp.NodeVisible))
	until(t, ctx, `document.documentElement.dataset.ready === 'true' && !document.getElementById('signed-in').hidden`)
}
