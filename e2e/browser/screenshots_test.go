package browser_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots takes the pictures of the console that docs/ shows, into the
// directory named by SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	s := start(t)
	ctx := browser(t)
	scheme(t, ctx, "light")
	run(t, ctx, chromedp.EmulateViewport(1360, 860), chromedp.Navigate(s.Console))
	until(t, ctx, `document.documentElement.dataset.ready === 'true'`)
	shoot(t, ctx, dir, "console-signed-out.png")
	run(t, ctx, chromedp.Click(`#sign-in-hero`, chromedp.NodeVisible), chromedp.WaitVisible(`button[value="ada@example.com"]`))
	shoot(t, ctx, dir, "sign-in.png")
	run(t, ctx, chromedp.Navigate(s.Console+"/api/"), chromedp.WaitVisible("#operation"))
	shoot(t, ctx, dir, "api-reference.png")
	s.signIn(t, ctx, "amelia@example.com")
	shoot(t, open(t, ctx, 0), dir, "portal.png")
	until(t, ctx, `document.querySelectorAll('#lines li').length >= 1`)
	shoot(t, ctx, dir, "console-light.png")
	scheme(t, ctx, "dark")
	shoot(t, ctx, dir, "console-dark.png")
	scheme(t, ctx, "light")
	s.fault(t, ctx, "atlas-system-error")
	fail(t, ctx, 1)
	s.fault(t, ctx, "atlas-rate-limited")
	fail(t, ctx, 2)
	until(t, ctx, `document.querySelectorAll('#lines li').length >= 3`)
	shoot(t, ctx, dir, "console-errors.png")
	run(t, ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	shoot(t, ctx, dir, "console-phone.png")
}

// scheme makes the page light or dark.
func scheme(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	media(t, ctx, "prefers-color-scheme", name)
}

// media sets what the page is told of the user's preferences.
func media(t *testing.T, ctx context.Context, feature, value string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func shoot(t *testing.T, ctx context.Context, dir, name string) {
	t.Helper()
	front(t, ctx)
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), picture, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
