package browser_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// link is a JavaScript expression for the n-th <atrip-link> of the page.
func link(n int) string { return fmt.Sprintf(`document.querySelectorAll('atrip-link')[%d]`, n) }

func button(n int) string { return link(n) + `.shadowRoot.querySelector('button')` }

// front brings a tab to the front: a tab behind another one takes no clicks and
// draws no frames.
func front(t *testing.T, ctx context.Context) {
	t.Helper()
	if _, err := chromedp.Call(ctx, cdppage.BringToFront, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
}

// click presses the n-th button as a mouse does: browsers open tabs for nothing less.
func click(t *testing.T, ctx context.Context, n int) {
	t.Helper()
	front(t, ctx)
	at := eval[[]float64](t, ctx, `(() => { const b = `+button(n)+`; b.scrollIntoView({ block: 'center' });
		const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	run(t, ctx, chromedp.MouseClickXY(at[0], at[1]))
}

// portalTab tells the tab that opens and comes to an order in the portal.
func portalTab(ctx context.Context) <-chan target.ID {
	return chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return strings.Contains(i.URL, "/portal/orders/") })
}

// attach returns a tab that has opened.
func attach(t *testing.T, ctx context.Context, opened <-chan target.ID) context.Context {
	t.Helper()
	select {
	case id := <-opened:
		tab, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(id))
		t.Cleanup(cancel)
		// The first action attaches, for as long as its context lives.
		if err := chromedp.Do(tab, chromedp.WaitReady("main")); err != nil {
			t.Fatal(err)
		}
		return tab
	case <-time.After(step):
		t.Fatal("no tab has come to the portal")
		return nil
	}
}

// open presses the n-th button and returns the tab that opens, at the portal.
func open(t *testing.T, ctx context.Context, n int) context.Context {
	t.Helper()
	opened := portalTab(ctx)
	click(t, ctx, n)
	until(t, ctx, link(n)+`.state === 'done'`)
	return attach(t, ctx, opened)
}

// fail presses the n-th button and returns what the operator is told.
func fail(t *testing.T, ctx context.Context, n int) string {
	t.Helper()
	click(t, ctx, n)
	until(t, ctx, link(n)+`.state === 'failed'`)
	return eval[string](t, ctx, `['[role=alert]', '[part=message]'].map((part) =>
		`+link(n)+`.shadowRoot.querySelector(part).innerText).join(' ')`)
}

// failure is the code of the last atrip-failed.
func failure(t *testing.T, ctx context.Context) string {
	t.Helper()
	return eval[string](t, ctx, `document.detail.code`)
}

// choose selects a value in one of the console's lists.
func choose(t *testing.T, ctx context.Context, id, value string) {
	t.Helper()
	eval[bool](t, ctx, `((list) => { list.value = '`+value+`'; return list.dispatchEvent(new Event('change')); })
		(document.getElementById('`+id+`'))`)
}

// fault chooses a fault in the console's switch and waits until it is on.
func (s system) fault(t *testing.T, ctx context.Context, id string) {
	t.Helper()
	eval[bool](t, ctx, `new Promise((done) => {
		const select = document.getElementById('fault');
		select.addEventListener('switched', () => done(true), { once: true });
		select.value = '`+id+`';
		select.dispatchEvent(new Event('change'));
	})`)
}

// expand opens every entry of the audit panel.
func expand(t *testing.T, ctx context.Context) {
	t.Helper()
	eval[bool](t, ctx, `(document.querySelectorAll('#lines details').forEach((d) => { d.open = true; }), true)`)
}

// tabs counts the browser's tabs.
func tabs(t *testing.T, ctx context.Context) int {
	t.Helper()
	targets, err := chromedp.Targets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, info := range targets {
		if info.Type == "page" {
			n++
		}
	}
	return n
}
