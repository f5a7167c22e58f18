package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"atriptoken/e2e/local"
)

// layoutFaults is a JavaScript expression: what is wrong with the page's layout.
// It looks at every visible text and control, in shadow roots, too, as far as the
// audit panel has not scrolled it out of sight.
const layoutFaults = `(() => {
	const faults = [];
	const up = (e) => e.parentElement ?? e.getRootNode().host;
	const within = (e, selector) => { for (; e; e = up(e)) if (e.matches(selector)) return e; };
	const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
	const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
	const heard = (e) => { for (; e; e = up(e)) if (getComputedStyle(e).clipPath !== 'none') return true; };
	const name = (e) => (e.tagName + '.' + e.className + ' ' + e.textContent.trim()).slice(0, 50);
	const leaves = all(document.body).filter((e) => (e.matches('button, select, img, input') || hasText(e)) && e.checkVisibility()
		&& !heard(e) && !within(e, '.skip') && !within(up(e), 'button, select'));
	const boxes = leaves.flatMap((e) => {
		const panel = within(e, '#lines')?.getBoundingClientRect() ?? { top: -Infinity, bottom: Infinity };
		return [...e.getClientRects()].map(({ left, right, top, bottom }) =>
			({ e, left, right, top: Math.max(top, panel.top), bottom: Math.min(bottom, panel.bottom) }))
			.filter((box) => box.bottom > box.top);
	});
	if (document.documentElement.scrollWidth > innerWidth) faults.push('the page is ' + document.documentElement.scrollWidth + ' px wide');
	for (const box of boxes) {
		const card = within(box.e, '.card, header')?.getBoundingClientRect();
		if (card && (box.left < card.left || box.right > card.right || box.top < card.top || box.bottom > card.bottom))
			faults.push('outside its card: ' + name(box.e));
	}
	const holds = (a, b) => { for (let e = b; e; e = up(e)) if (e === a) return true; };
	boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
		if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
			&& !holds(a.e, b.e) && !holds(b.e, a.e)) faults.push('overlap: ' + name(a.e) + ' | ' + name(b.e));
	}));
	const sizes = new Set(leaves.map((e) => getComputedStyle(e).fontSize));
	if (sizes.size > 6) faults.push('font sizes: ' + [...sizes].join(', '));
	const left = (selector) => document.querySelector(selector).getBoundingClientRect().left;
	if (Math.abs(left('.brand') - left('h1')) > .5) faults.push('header and content begin at ' + left('.brand') + ' and ' + left('h1'));
	return faults;
})()`

func TestConsole_Layout(t *testing.T) {
	t.Parallel()
	s, ctx := local.Start(t), browser(t)
	widths := []int64{320, 390, 520, 640, 650, 690, 768, 990, 1000, 1024, 1070, 1280, 1440, 1600}
	look := func(state string) {
		front(t, ctx)
		for _, width := range widths {
			run(t, ctx, chromedp.EmulateViewport(width, 900))
			for _, fault := range eval[[]string](t, ctx, layoutFaults) {
				t.Errorf("%s, %d px: %s", state, width, fault)
			}
		}
	}
	enter(t, ctx, s.Console+"/?error=access_denied")
	look("a sign-in that failed")
	signIn(t, ctx, "sign-in-hero", "amelia")
	look("the orders")
	open(t, ctx, 0)
	choose(t, ctx, "fault", "atlas-system-error")
	fail(t, ctx, 1)
	choose(t, ctx, "fault", "sign-in-expired")
	fail(t, ctx, 4)
	until(t, ctx, `document.querySelectorAll('#lines li').length >= 3`)
	expand(t, ctx)
	look("errors, and whole audit lines")
	choose(t, ctx, "language", "zh")
	until(t, ctx, `document.documentElement.lang === 'zh' && document.querySelector('h1').textContent === '订单'
		&& `+button(0)+`.innerText.startsWith('在 ATRIP 中打开')`)
	expand(t, ctx)
	look("in Chinese")
	do(t, ctx, `document.documentElement.style.fontSize = '187.5%'`)
	widths = []int64{640, 1024, 1280}
	look("in letters of twice the size")
}
