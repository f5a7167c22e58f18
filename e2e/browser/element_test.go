package browser_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

func TestElement_PropertyBeforeScript(t *testing.T) {
	t.Parallel()
	ctx, broker := browser(t), newEndpoint(t)
	authorization := make(chan string, 1)
	broker.does(func(w http.ResponseWriter, r *http.Request) {
		authorization <- r.Header.Get("Authorization")
		w.WriteHeader(http.StatusBadGateway)
	})
	run(t, ctx, chromedp.Navigate(page(t, broker.attributes())+"/?bare"))
	same := eval[bool](t, ctx, `(async () => {
		`+link(0)+`.getAuthorization = async () => 'Bearer early';
		const first = await import('/atrip-link.js');
		const second = await import('/atrip-link.js?again');
		return first.AtripLink === second.AtripLink && `+link(0)+` instanceof first.AtripLink;
	})()`)
	if !same {
		t.Error("a second copy of the module is another element")
	}
	fail(t, ctx, 0)
	if got := <-authorization; got != "Bearer early" {
		t.Errorf("Authorization is %q, want the value of the function that was set first", got)
	}
}

func TestElement_ImportWithoutDOM(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("node", "--input-type=module", "-e",
		`const { AtripLink } = await import(process.argv[1]); console.log(AtripLink.name)`, root+"/web/atrip-link.zh.js").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "AtripLink" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestElement_RefusedToken(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	broker.does(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(broker.success()))
	})
	for _, row := range []struct{ second, state string }{{"new", "done"}, {"old", "failed"}} {
		before := broker.asked.Load()
		reload(t, ctx)
		do(t, ctx, link(0)+`.getAuthorization = async ({ refused }) => 'Bearer ' + (refused ? '`+row.second+`' : 'old')`)
		click(t, ctx, 0)
		until(t, ctx, link(0)+`.state === '`+row.state+`'`)
		if n := broker.asked.Load() - before; n != 2 {
			t.Errorf("second token %s: the endpoint was asked %d times, want twice", row.second, n)
		}
	}
	if code := failure(t, ctx); code != "SignInExpired" {
		t.Errorf("the event says %s, want SignInExpired", code)
	}
}

func TestElement_Disabled(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	broker.says(http.StatusBadGateway, problem("AtlasFailed", 502))
	for _, disable := range []string{
		link(0) + `.disabled = true`,
		link(0) + `.setAttribute('disabled', '')`,
		`(() => { const f = document.createElement('fieldset'); f.disabled = true;
			document.querySelector('main').append(f); f.append(` + link(0) + `); })()`,
	} {
		reload(t, ctx)
		do(t, ctx, disable)
		if !eval[bool](t, ctx, button(0)+`.disabled`) {
			t.Errorf("after %s the button is not disabled", disable)
		}
		do(t, ctx, `await `+link(0)+`.open()`)
	}
	if n := broker.asked.Load(); n != 0 {
		t.Errorf("the endpoint was asked %d times, want never", n)
	}
	do(t, ctx, `document.querySelector('fieldset').disabled = false`)
	fail(t, ctx, 0)
}

func TestElement_ErrorGoesWithItsOrder(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	broker.says(http.StatusBadGateway, problem("AtlasFailed", 502))
	message := part(0, "[part=message]") + `.innerText`
	for _, change := range []string{
		link(0) + `.setAttribute('order-no', 'X2')`, link(0) + `.setAttribute('role', 'Admin')`, `document.documentElement.lang = 'zh'`,
	} {
		fail(t, ctx, 0)
		do(t, ctx, change)
		until(t, ctx, link(0)+`.state === 'idle' && `+message+` === ''`)
	}
	fail(t, ctx, 0)
	eval[bool](t, ctx, `(`+link(0)+`.setAttribute('role', 'Admin'), true)`) // the same as before
	if state := eval[string](t, ctx, link(0)+`.state`); state != "failed" {
		t.Errorf("the state is %s after nothing changed, want failed", state)
	}
}

func TestElement_Countdown(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	broker.says(http.StatusTooManyRequests, problem("AtlasRateLimited", 429), "Retry-After", "6")
	fail(t, ctx, 0)
	if got := eval[string](t, ctx, button(0)+`.ariaDisabled`); got != "true" {
		t.Errorf("the button's aria-disabled is %s, want true", got)
	}
	click(t, ctx, 0)
	if n := broker.asked.Load(); n != 1 {
		t.Errorf("the endpoint was asked %d times, want once: the wait is not over", n)
	}
	shown := part(0, "[part=message]") + `.innerText`
	until(t, ctx, shown+`.match(/in [1-5] seconds/) !== null`)
	if said := eval[string](t, ctx, part(0, "[role=alert]")+`.innerText`); !strings.Contains(said, "in 6 seconds") {
		t.Errorf("a screen reader is told %q anew each second", said)
	}
	until(t, ctx, shown+` === '' && `+link(0)+`.state === 'idle' && `+button(0)+`.ariaDisabled === 'false'`)
	broker.says(http.StatusTooManyRequests, problem("AtlasRateLimited", 429), "Retry-After", "99999999")
	if told := fail(t, ctx, 0); !strings.Contains(told, "Try again in 3600 seconds") {
		t.Errorf("the operator is told %q, want an hour at most", told)
	}
}

func TestElement_Language(t *testing.T) {
	t.Parallel()
	ctx, _ := element(t)
	do(t, ctx, `const { addTexts } = customElements.get('atrip-link');
		addTexts('fi', { label: 'Avaa' });
		addTexts('zh-Hant', { label: '開啟' })`)
	for _, row := range []struct{ lang, want string }{
		{"en", "Open order X1 in ATRIP"}, {"fi-FI", "Avaa"}, {"fil", "Open order X1 in ATRIP"},
		{"zh-TW", "在 ATRIP 中打开订单 X1"}, {"zh-Hant-TW", "開啟"},
	} {
		do(t, ctx, `document.documentElement.lang = '`+row.lang+`'`)
		until(t, ctx, button(0)+`.textContent === '`+row.want+`'`)
	}
	do(t, ctx, `const host = document.createElement('div'); host.lang = 'fi'; document.body.append(host);
		host.attachShadow({ mode: 'open' }).append(document.createElement('atrip-link'))`)
	until(t, ctx, `document.querySelector('div').shadowRoot.firstChild.shadowRoot.querySelector('button').innerText === 'Avaa'`)
}

func TestElement_RequestID(t *testing.T) {
	t.Parallel()
	ctx, broker := element(t)
	id := strings.Repeat("long-id-", 20)
	broker.says(http.StatusBadGateway, strings.Replace(problem("AtlasFailed", 502), "id-1", id, 1))
	run(t, ctx, chromedp.EmulateViewport(320, 640))
	if told := fail(t, ctx, 0); !strings.Contains(told, id) {
		t.Errorf("the operator is told %q, want the id in it", told)
	}
	if width := eval[int](t, ctx, `document.documentElement.scrollWidth`); width > 320 {
		t.Errorf("the page is %d pixels wide, want 320: the id stretches it", width)
	}
	origin := eval[string](t, ctx, `location.origin`)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		call(t, ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission: &cdpbrowser.PermissionDescriptor{Name: name}, Setting: cdpbrowser.PermissionSettingGranted, Origin: origin,
		})
	}
	do(t, ctx, part(0, "[part=copy]")+`.click()`)
	until(t, ctx, part(0, "[part=copy]")+`.innerText === 'Copied'`)
	if got := eval[string](t, ctx, `navigator.clipboard.readText()`); got != id {
		t.Errorf("the clipboard has %q, want the id", got)
	}
}
