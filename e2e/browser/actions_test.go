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

	"atriptoken/e2e/local"
)

// link is a JavaScript expression for the n-th <atrip-link> of the page.
func link(n int) string { return fmt.Sprintf(`document.querySelectorAll('atrip-link')[%d]`, n) }

// part is one for an element within it.
func part(n int, selector string) string {
	return link(n) + `.shadowRoot.querySelector('` + selector + `')`
}

func button(n int) string { return part(n, "button") }

// front brings a tab to the front: a tab behind another one takes no clicks and
// draws no frames.
func front(t *testing.T, ctx context.Context) {
	t.Helper()
	call(t, ctx, cdppage.BringToFront, cdp.Empty{})
}

// click presses the n-th button as a mouse does: browsers open tabs for nothing less.
func click(t *testing.T, ctx context.Context, n int, options ...chromedp.MouseOption) {
	t.Helper()
	front(t, ctx)
	at := eval[[]float64](t, ctx, `(() => { const b = `+button(n)+`; b.scrollIntoView({ block: 'center' });
		const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	run(t, ctx, chromedp.MouseClickXY(at[0], at[1], options...))
}

// open presses the n-th button and returns the tab that opens, at the portal.
func open(t *testing.T, ctx context.Context, n int) context.Context {
	t.Helper()
	opened := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return strings.Contains(i.URL, "/portal/orders/") })
	click(t, ctx, n)
	until(t, ctx, link(n)+`.state === 'done'`)
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

// fail presses the n-th button and returns what the operator is told.
func fail(t *testing.T, ctx context.Context, n int) string {
	t.Helper()
	click(t, ctx, n)
	until(t, ctx, link(n)+`.state === 'failed'`)
	return eval[string](t, ctx, part(n, "[role=alert]")+`.innerText + ' ' + `+part(n, "[part=message]")+`.innerText`)
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

// enter opens a page of the console.
func enter(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	run(t, ctx, chromedp.Navigate(url))
	until(t, ctx, `document.documentElement.dataset.ready === 'true'`)
}

// console opens the console in a new browser, and signs an operator in by the
// sign-in page.
func console(t *testing.T, operator string, settings ...string) (*local.System, context.Context) {
	t.Helper()
	s, ctx := local.Start(t, settings...), browser(t)
	enter(t, ctx, s.Console)
	signIn(t, ctx, "sign-in-hero", operator)
	return s, ctx
}

// signIn signs an operator in by one of the console's buttons.
func signIn(t *testing.T, ctx context.Context, button, operator string) {
	t.Helper()
	run(t, ctx,
		chromedp.Click("#"+button, chromedp.NodeVisible),
		chromedp.Click(`button[value="`+operator+`@example.com"]`, chromedp.NodeVisible))
	until(t, ctx, `document.documentElement.dataset.ready === 'true' && !document.getElementById('signed-in').hidden
		&& document.getElementById('email').textContent === '`+operator+`@example.com'`)
}

// choose selects a value in one of the console's lists. A fault is on afterwards.
func choose(t *testing.T, ctx context.Context, id, value string) {
	t.Helper()
	do(t, ctx, `const list = document.getElementById('`+id+`');
		const switched = new Promise((done) => list.addEventListener('switched', done, { once: true }));
		list.value = '`+value+`';
		list.dispatchEvent(new Event('change'));
		if (list.id === 'fault') await switched`)
}

// expand opens every entry of the audit panel.
func expand(t *testing.T, ctx context.Context) {
	t.Helper()
	do(t, ctx, `document.querySelectorAll('aside details').forEach((d) => { d.open = true; })`)
}
