package browser_test

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshot_Console takes the picture of the README, the console after a
// click, and writes it to the file that SCREENSHOT names.
func TestScreenshot_Console(t *testing.T) {
	s := start(t)
	ctx := browser(t)
	scheme(t, ctx, "light")
	run(t, ctx, chromedp.EmulateViewport(1360, 860))
	s.signIn(t, ctx, "amelia@example.com")
	open(t, ctx, 0)
	until(t, ctx, `document.querySelectorAll('#lines li .chip.good').length === 1`)
	front(t, ctx)
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	if size := decoded.Bounds().Size(); size.X != 1360 || size.Y < 860 || size.Y > 1100 {
		t.Errorf("the picture is %v, want 1360 wide and a page high", size)
	}
	if file := os.Getenv("SCREENSHOT"); file != "" {
		if err := os.WriteFile(file, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// scheme makes the page light or dark.
func scheme(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	media(t, ctx, "prefers-color-scheme", name)
}

// media sets a preference of the user.
func media(t *testing.T, ctx context.Context, feature, value string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
