package browser_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestClick_OpensNewTab(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t) // a page without a Referrer-Policy, unlike the console
	referer := make(chan string, 1)
	broker.does(func(w http.ResponseWriter, r *http.Request) {
		referer <- r.Referer()
		_, _ = io.WriteString(w, broker.success())
	})
	written := listen(t, ctx)
	// The first tab is the driver's own: its navigation counts as a gesture of the user, which one tab uses up.
	if !eval[bool](t, ctx, `(window.open('about:blank')?.close(), window.open('about:blank') === null)`) {
		t.Fatal("the pop-up blocker is off: this test would show nothing")
	}
	do(t, ctx, `window.details = []; for (const name of ['busy', 'done', 'failed', 'idle'])
		addEventListener('atrip-' + name, (e) => details.push(JSON.stringify(e.detail)))`)
	click(t, ctx, 0)
	broker.arrival(t)
	if got := <-referer; got != "" {
		t.Errorf("the broker was told the page's address: %s", got)
	}
	until(t, ctx, link(0)+`.state === 'done'`)
	for place, content := range map[string]string{
		"the document": eval[string](t, ctx, `document.documentElement.outerHTML + `+link(0)+`.shadowRoot.innerHTML`),
		"storage":      eval[string](t, ctx, `JSON.stringify([localStorage, sessionStorage, document.cookie])`),
		"history":      eval[string](t, ctx, `JSON.stringify([history.state, location.href, history.length])`),
		"events":       eval[string](t, ctx, `window.details.join()`),
		"console":      written(),
		"timing":       eval[string](t, ctx, `JSON.stringify(performance.getEntries())`),
	} {
		if strings.Contains(content, token) {
			t.Errorf("the token's url is in %s", place)
		}
	}
	entries, err := chromedp.Run(ctx, chromedp.NavigationEntries())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries.Entries {
		if strings.Contains(entry.URL, token) {
			t.Error("the token's url is in the page's history")
		}
	}
}

func TestClick_ByKeyboard(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	broker.says(http.StatusOK, broker.success())
	front(t, ctx)
	run(t, ctx, chromedp.KeyEvent(kb.Tab))
	if !eval[bool](t, ctx, `document.activeElement === `+link(0)) {
		t.Fatal("Tab does not reach the button")
	}
	if outline := eval[string](t, ctx, `getComputedStyle(`+button(0)+`).outlineStyle`); outline != "solid" {
		t.Errorf("the focused button's outline is %s: who uses a keyboard cannot see where they are", outline)
	}
	run(t, ctx, chromedp.KeyEvent(kb.Enter))
	broker.arrival(t)
}

func TestClick_BusyThenDone(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	answer := make(chan struct{})
	broker.does(func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		_, _ = io.WriteString(w, broker.success())
	})
	click(t, ctx, 0, chromedp.ClickCount(2))
	do(t, ctx, button(0)+`.click(); `+link(0)+`.open()`)
	if got := eval[string](t, ctx, button(0)+`.ariaDisabled + ' ' + `+link(0)+`.state`); got != "true busy" {
		t.Errorf("aria-disabled and state are %s, want true busy", got)
	}
	if n := tabs(t, ctx); n != 2 {
		t.Errorf("%d tabs are open, want the page and one more", n)
	}
	accessible(t, ctx, "a button that is busy")
	close(answer)
	until(t, ctx, link(0)+`.state === 'done'`)
	accessible(t, ctx, "a button that is done")
	status := part(0, "[role=status]")
	if !eval[bool](t, ctx, status+`.innerText === 'ATRIP is open in a new tab.' && `+status+`.offsetHeight > 10`) {
		t.Error("an operator does not see that the portal is open")
	}
	if n := broker.asked.Load(); n != 1 {
		t.Errorf("the endpoint was asked %d times, want once", n)
	}
}

func TestClick_PopUpBlocked(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	do(t, ctx, `window.open('about:blank')?.close(); await `+link(0)+`.open()`)
	if told := eval[string](t, ctx, part(0, "[role=alert]")+`.innerText`); !strings.Contains(told, "Allow pop-ups") {
		t.Errorf("the operator is told %q", told)
	}
	if n := broker.asked.Load(); n != 0 {
		t.Errorf("a token was asked for %d times, with no tab to open it in", n)
	}
}

func TestClick_RequestFromAttributes(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t, `user-name="finn@example.com" account="north"`)
	asked := make(chan string, 1)
	broker.does(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		asked <- strings.Join([]string{r.Method, string(body), h.Get("Authorization"), h.Get("X-Atrip-Account"), h.Get("Cookie")}, " | ")
		w.WriteHeader(http.StatusBadGateway)
	})
	do(t, ctx, `document.cookie = 'a=b'; `+link(0)+`.getAuthorization = async () => 'Bearer x'`)
	fail(t, ctx, 0)
	if got, want := <-asked, `POST | {"orderNo":"X1","userName":"finn@example.com","role":"Finance"} | Bearer x | north | `; got != want {
		t.Errorf("asked\n%s, want\n%s", got, want)
	}
}
