package browser_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// journal keeps what a tab said and asked for.
type journal struct {
	mu      sync.Mutex
	console []string
	log     []string
	// referers are the Referer headers by address.
	referers map[string]string
}

func listen(t *testing.T, ctx context.Context) *journal {
	t.Helper()
	j := &journal{referers: map[string]string{}}
	if err := chromedp.Listen(ctx, func(event any) {
		j.mu.Lock()
		defer j.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			for _, argument := range e.Args {
				j.console = append(j.console, string(argument.Value))
			}
		case *log.EventEntryAdded:
			j.log = append(j.log, e.Entry.Text+" "+e.Entry.URL)
		case *network.EventRequestWillBeSent:
			referer, _ := e.Request.Headers["Referer"].(string)
			j.referers[e.Request.URL] = referer
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(append(j.console, j.log...), "\n")
}

func TestClick_OpensNewTab(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	// The click on the sign-in page may still count for one tab.
	if !eval[bool](t, ctx, `(window.open('about:blank')?.close(), window.open('about:blank') === null)`) {
		t.Fatal("the pop-up blocker is off: this test would show nothing")
	}
	tab := open(t, ctx, 0)
	page := eval[string](t, tab, `document.body.innerText`)
	for _, want := range []string{"XPFIW20220209163159425", "amelia@example.com", "Customer service"} {
		if !strings.Contains(page, want) {
			t.Errorf("the portal does not show %s:\n%s", want, page)
		}
	}
	if !eval[bool](t, tab, `window.opener === null`) {
		t.Error("the portal has the back office as its opener")
	}
	if referrer := eval[string](t, tab, `document.referrer`); referrer != "" {
		t.Errorf("the portal was told where the operator came from: %s", referrer)
	}
	if n := eval[int](t, tab, `history.length`); n != 1 {
		t.Errorf("the new tab has %d entries in its history, want 1: the blank page must not be one", n)
	}
	heard := eval[string](t, ctx, link(0)+`.shadowRoot.querySelector('[role=status]').textContent`)
	if heard != "ATRIP is open in a new tab." {
		t.Errorf("a screen reader is told %q", heard)
	}
}

func TestClick_URLKeptNowhere(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	asked := listen(t, ctx)
	// The page's own code sees the answer as it goes by, to know what to look for.
	eval[bool](t, ctx, `(() => { const ask = fetch; window.fetch = async (...all) => {
		const response = await ask(...all); const body = await response.clone().json(); if (body.url) window.seen = body.url;
		return response; }; window.events = []; for (const name of ['busy', 'done', 'failed', 'idle'])
		addEventListener('atrip-' + name, (e) => events.push(JSON.stringify(e.detail))); return true; })()`)
	open(t, ctx, 0)
	url := eval[string](t, ctx, `window.seen`)
	_, token, _ := strings.Cut(url, "token=")
	if len(token) < 20 {
		t.Fatalf("no token in %q", url)
	}
	eval[bool](t, ctx, `delete window.seen`)
	for place, content := range map[string]string{
		"the document": eval[string](t, ctx, `(() => { const all = (node) => [...node.querySelectorAll('*')].map((e) =>
			e.outerHTML + (e.shadowRoot ? e.shadowRoot.innerHTML + all(e.shadowRoot) : '')).join(); return all(document); })()`),
		"storage": eval[string](t, ctx, `JSON.stringify([localStorage, sessionStorage, document.cookie])`),
		"history": eval[string](t, ctx, `JSON.stringify([history.state, location.href])`),
		"events":  eval[string](t, ctx, `window.events.join()`),
		"console": asked.text(),
		"output":  s.Output(),
		"timing":  eval[string](t, ctx, `JSON.stringify(performance.getEntries())`),
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
	asked.mu.Lock()
	defer asked.mu.Unlock()
	if referer := asked.referers[s.API]; referer != "" {
		t.Errorf("the broker was told the page's address: %s", referer)
	}
}

func TestClick_ByKeyboard(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	run(t, ctx, chromedp.Focus(`#role`))
	run(t, ctx, chromedp.KeyEvent(kb.Tab))
	if !eval[bool](t, ctx, `document.activeElement === `+link(0)) {
		t.Fatal("Tab does not reach the first button")
	}
	if outline := eval[string](t, ctx, `getComputedStyle(`+button(0)+`).outlineStyle`); outline != "solid" {
		t.Errorf("the focused button's outline is %s: who uses a keyboard cannot see where they are", outline)
	}
	opened := portalTab(ctx)
	run(t, ctx, chromedp.KeyEvent(kb.Enter))
	until(t, ctx, link(0)+`.state === 'done'`)
	tab := attach(t, ctx, opened)
	if page := eval[string](t, tab, `document.body.innerText`); !strings.Contains(page, "XPFIW20220209163159425") {
		t.Errorf("the portal does not show the order:\n%s", page)
	}
}

func TestClick_OneRequest(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	answer := make(chan struct{})
	broker.does(func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte(problem("AtlasFailed", 502)))
	})
	at := eval[[]float64](t, ctx, `(() => { const r = `+button(0)+`.getBoundingClientRect(); return [r.x + 5, r.y + 5]; })()`)
	run(t, ctx, chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(2)))
	eval[bool](t, ctx, `(`+button(0)+`.click(), `+link(0)+`.open(), true)`)
	if got := eval[string](t, ctx, button(0)+`.ariaDisabled + ' ' + `+link(0)+`.state`); got != "true busy" {
		t.Errorf("aria-disabled and state are %s, want true busy", got)
	}
	if n := tabs(t, ctx); n != 2 {
		t.Errorf("%d tabs are open, want the page and one more", n)
	}
	close(answer)
	until(t, ctx, link(0)+`.state === 'failed'`)
	if n := broker.asked.Load(); n != 1 {
		t.Errorf("the endpoint was asked %d times, want once", n)
	}
}

func TestClick_PopUpBlocked(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	// The first tab is the driver's own: its navigation counts as a gesture of
	// the user, which one tab uses up.
	eval[bool](t, ctx, `(window.open('about:blank')?.close(), true)`)
	eval[bool](t, ctx, link(0)+`.open().then(() => true)`)
	if told := eval[string](t, ctx, link(0)+`.shadowRoot.querySelector('[role=alert]').innerText`); !strings.Contains(told, "Allow pop-ups") {
		t.Errorf("the operator is told %q", told)
	}
	if n := broker.asked.Load(); n != 0 {
		t.Errorf("a token was asked for %d times, with no tab to open it in", n)
	}
}

func TestConsole_StrictCSP(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	said := listen(t, ctx)
	s.signIn(t, ctx, "amelia@example.com")
	open(t, ctx, 0)
	s.fault(t, ctx, "atlas-garbage")
	fail(t, ctx, 1)
	if style := eval[string](t, ctx, `getComputedStyle(`+button(0)+`).display`); style != "inline-flex" {
		t.Errorf("the button's style was not applied: display is %s", style)
	}
	for _, line := range strings.Split(said.text(), "\n") {
		if strings.Contains(line, "Content Security Policy") || strings.Contains(line, "Trusted") {
			t.Errorf("the console page breaks its own policy: %s", line)
		}
	}
}

func TestRequest_FromAttributes(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t, `user-name="finn@example.com" account="north"`)
	asked := make(chan string, 1)
	broker.does(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		asked <- strings.Join([]string{r.Method, string(body), h.Get("Authorization"), h.Get("X-Atrip-Account"), h.Get("Cookie")}, " | ")
		w.WriteHeader(http.StatusBadGateway)
	})
	eval[bool](t, ctx, `(document.cookie = 'a=b', `+link(0)+`.getAuthorization = async () => 'Bearer x', true)`)
	fail(t, ctx, 0)
	if got, want := <-asked, `POST | {"orderNo":"X1","userName":"finn@example.com","role":"Finance"} | Bearer x | north | `; got != want {
		t.Errorf("asked\n%s, want\n%s", got, want)
	}
}

func TestClick_NoReferrer(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t) // a page without a Referrer-Policy, unlike the console
	referers := make(chan string, 8)
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		referers <- r.URL.Path + " " + r.Referer()
		_, _ = io.WriteString(w, "<!doctype html><title>Portal</title><main>Portal</main>")
	}))
	t.Cleanup(portal.Close)
	broker.does(func(w http.ResponseWriter, r *http.Request) {
		referers <- "broker " + r.Referer()
		_, _ = io.WriteString(w, `{"url":"`+portal.URL+`/portal/orders/X1","status":0,"msg":null}`)
	})
	tab := open(t, ctx, 0)
	if !eval[bool](t, tab, `window.opener === null && document.referrer === ''`) {
		t.Error("the portal knows its opener or where the operator came from")
	}
	for _, want := range []string{"broker ", "/portal/orders/X1 "} {
		if got := <-referers; got != want {
			t.Errorf("a Referer was sent: %q, want %q", got, want)
		}
	}
}
