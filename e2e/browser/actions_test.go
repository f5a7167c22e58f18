package browser_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// link is a JavaScript expression for the n-th <atrip-link> of the page.
func link(n int) string { return fmt.Sprintf(`document.querySelectorAll('atrip-link')[%d]`, n) }

func button(n int) string { return link(n) + `.shadowRoot.querySelector('button')` }

// click presses the n-th button as a mouse does: browsers open tabs for nothing less.
func click(t *testing.T, ctx context.Context, n int) {
	t.Helper()
	at := eval[[]float64](t, ctx, `(() => { const b = `+button(n)+`; b.scrollIntoView({ block: 'center' });
		const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	run(t, ctx, chromedp.MouseClickXY(at[0], at[1]))
}

// open presses the n-th button and returns the tab that opens, at the portal.
func open(t *testing.T, ctx context.Context, n int) context.Context {
	t.Helper()
	opened := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return strings.Contains(i.URL, "/portal") })
	click(t, ctx, n)
	until(t, ctx, link(n)+`.state === 'done'`)
	tab, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel)
	run(t, tab, chromedp.WaitReady("main"))
	return tab
}

// fail presses the n-th button and returns what the operator is told.
func fail(t *testing.T, ctx context.Context, n int) string {
	t.Helper()
	click(t, ctx, n)
	until(t, ctx, link(n)+`.state === 'failed'`)
	return eval[string](t, ctx, link(n)+`.shadowRoot.querySelector('[role=alert]').innerText`)
}

// fault chooses a fault in the console's switch and waits until it is on.
func (s *system) fault(t *testing.T, ctx context.Context, id string) {
	t.Helper()
	eval[bool](t, ctx, `new Promise((done) => {
		const select = document.getElementById('fault');
		select.addEventListener('switched', () => done(true), { once: true });
		select.value = '`+id+`';
		select.dispatchEvent(new Event('change'));
	})`)
}
