package browser_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func TestConsole_SignInExpired(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	const shown = `['signed-in', 'notice', 'sign-in-again'].filter((id) => document.getElementById(id).checkVisibility()).join()`
	if got := eval[string](t, ctx, shown); got != "signed-in" {
		t.Errorf("with a good token the console shows %s", got)
	}
	expired := eval[string](t, ctx, `fetch('`+s.Issuer+`/dev-token?user=amelia@example.com&lifetime=-10m').then((r) => r.text())`)
	for _, end := range []func(){
		func() { s.fault(t, ctx, "sign-in-expired") }, // the gateway refuses the token
		func() {
			s.fault(t, ctx, "none")
			eval[bool](t, ctx, `(sessionStorage.setItem('token', '`+expired+`'), location.reload(), true)`)
			until(t, ctx, `document.documentElement.dataset.ready === 'true' && document.getElementById('notice').checkVisibility()`)
		},
	} {
		end()
		if told := fail(t, ctx, 0); !strings.Contains(told, "Your sign-in has expired") {
			t.Errorf("the operator is told %q", told)
		}
		if got := eval[string](t, ctx, shown); got != "signed-in,notice,sign-in-again" {
			t.Errorf("with an expired token the console shows %s, want the orders and a notice", got)
		}
	}
	run(t, ctx, chromedp.Click(`#sign-in-again`, chromedp.NodeVisible),
		chromedp.Click(`button[value="finn@example.com"]`, chromedp.NodeVisible))
	until(t, ctx, `document.documentElement.dataset.ready === 'true' && document.getElementById('name').textContent === 'Finn'`)
	open(t, ctx, 0)
	if got := eval[string](t, ctx, shown); got != "signed-in" {
		t.Errorf("after the next sign-in the console shows %s", got)
	}
}

func TestConsole_SignInFails(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	run(t, ctx, chromedp.Navigate(s.Console))
	for _, row := range []struct{ name, stored, query, says string }{
		{"the provider refuses", "", "?error=access_denied", "Signing in did not succeed (access_denied)"},
		{"a code without a sign-in of this page", "", "?code=a&state=b", "Signing in did not succeed (state)"},
		{"a code that the provider does not know", "sign-in={\"state\":\"b\",\"verifier\":\"c\"}", "?code=a&state=b",
			"Signing in did not succeed (invalid_grant)"},
		{"a stored sign-in that is not JSON", "sign-in={", "?code=a&state=b", "Signing in did not succeed ("},
		{"a stored token that is not one", "token=a", "", ""},
		{"a stored token without claims", "token=a.e30.a", "", ""},
	} {
		key, value, _ := strings.Cut(row.stored, "=")
		eval[bool](t, ctx, `(sessionStorage.clear(), sessionStorage.setItem('`+key+`', '`+value+`'), true)`)
		run(t, ctx, chromedp.Navigate(s.Console+"/"+row.query))
		until(t, ctx, `document.documentElement.dataset.ready === 'true'`)
		got := eval[string](t, ctx, `location.search + document.getElementById('notice-text').textContent`)
		if !strings.HasPrefix(got, row.says) || got != "" && row.says == "" {
			t.Errorf("%s: the console says %q, want %q", row.name, got, row.says)
		}
		if !eval[bool](t, ctx, `document.getElementById('sign-in-hero').checkVisibility()`) {
			t.Errorf("%s: the console offers no sign-in", row.name)
		}
	}
}

func TestConsole_ActionsByRank(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	ranks := eval[string](t, ctx, `[...document.querySelectorAll('atrip-link')].map((link) => {
		const style = getComputedStyle(link.shadowRoot.querySelector('button'));
		const clear = 'rgba(0, 0, 0, 0)';
		return style.backgroundColor !== clear ? 'primary' : style.borderTopColor !== clear ? 'secondary' : 'link';
	}).join()`)
	if ranks != "primary,secondary,secondary,secondary,link" {
		t.Errorf("the orders' buttons are %s, want one primary, and a link for the cancelled order", ranks)
	}
}

func TestConsole_RoleNotGranted(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "finn@example.com")
	if role := eval[string](t, ctx, `document.getElementById('role').value`); role != "Finance" {
		t.Errorf("the role is %s, want the one that the operator holds", role)
	}
	choose(t, ctx, "role", "Admin")
	if hint := eval[string](t, ctx, `document.getElementById('role-hint').textContent`); !strings.Contains(hint, "Admin") {
		t.Errorf("the hint is %q", hint)
	}
	if told := fail(t, ctx, 0); !strings.Contains(told, "You may not open this order in this role") {
		t.Errorf("the operator is told %q", told)
	}
}

func TestConsole_AuditPanel(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	until(t, ctx, `document.getElementById('live').textContent === 'live'`)
	s.fault(t, ctx, "atlas-system-error")
	fail(t, ctx, 0)
	until(t, ctx, `document.getElementById('lines').innerText.includes('AtlasFailed')`)
	if n := eval[int](t, ctx, `document.querySelectorAll('#lines > li:not(.preflights)').length`); n != 1 {
		t.Errorf("%d entries that are not preflights, want 1", n)
	}
	entry := eval[string](t, ctx, `document.querySelector('#lines li').innerText`)
	for _, want := range []string{
		"AtlasFailed", "amelia@example.com · Customer service · XPFIW20220209163159425", "Atlas ", "Wait ", "Total ",
	} {
		if !strings.Contains(entry, want) {
			t.Errorf("the entry lacks %q:\n%s", want, entry)
		}
	}
	eval[bool](t, ctx, link(0)+`.setAttribute('user-name', 'finn@example.com') === undefined`)
	click(t, ctx, 0)
	until(t, ctx, `document.getElementById('lines').innerText.includes('amelia@example.com (`+s.Issuer+`) → finn@example.com')`)
}

func TestConsole_Chinese(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	choose(t, ctx, "language", "zh")
	if label := eval[string](t, ctx, button(0)+`.innerText`); !strings.HasPrefix(label, "在 ATRIP 中打开") {
		t.Errorf("the button says %q", label)
	}
	if title := eval[string](t, ctx, `document.documentElement.lang + ' ' + document.querySelector('h1').textContent`); title != "zh 订单" {
		t.Errorf("language and title are %q", title)
	}
	s.fault(t, ctx, "atlas-unauthorized")
	if told := fail(t, ctx, 0); !strings.Contains(told, "凭据") {
		t.Errorf("the operator is told %q", told)
	}
}

func TestClick_SlowNetwork(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	s.signIn(t, ctx, "amelia@example.com")
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: 2000, DownloadThroughput: 20_000, UploadThroughput: 20_000}},
	}); err != nil {
		t.Fatal(err)
	}
	opened := portalTab(ctx)
	click(t, ctx, 0)
	if state := eval[string](t, ctx, link(0)+`.state + ' ' + `+button(0)+`.innerText`); !strings.HasPrefix(state, "busy Opening ATRIP…") {
		t.Errorf("while the answer is under way: %q", state)
	}
	until(t, ctx, link(0)+`.state === 'done'`)
	attach(t, ctx, opened)
}

func TestRequest_OriginRefusedByCORS(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	visit(t, ctx, `endpoint="`+s.API+`" order-no="X1" role="Finance"`)
	said := listen(t, ctx)
	if told := fail(t, ctx, 0); !strings.Contains(told, "This page cannot reach ATRIP") {
		t.Errorf("the operator is told %q", told)
	}
	if !strings.Contains(said.text(), "CORS policy") {
		t.Errorf("the browser does not blame CORS:\n%s", said.text())
	}
	if strings.Contains(s.Output(), `"outcome"`) {
		t.Error("the request reached the function")
	}
}

func TestConsole_APIReference(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx := browser(t)
	said := listen(t, ctx)
	run(t, ctx, chromedp.Navigate(s.Console+"/api/"))
	until(t, ctx, `document.querySelector('.btn.authorize.locked') !== null`) // an operator's token is filled in
	run(t, ctx, chromedp.Click(`button.execute`, chromedp.NodeVisible))
	until(t, ctx, `document.querySelector('.live-responses-table tbody .response-col_status')?.innerText.startsWith('200')`)
	shown := eval[string](t, ctx, `document.querySelector('.opblock-body').innerText`)
	for _, want := range []string{"curl -X 'POST'", s.API, `"url": "` + s.Atlas, "PowerShell"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not show %q:\n%.2000s", want, shown)
		}
	}
	if strings.Contains(said.text(), "Content Security Policy") {
		t.Errorf("the page breaks its own policy:\n%s", said.text())
	}
}

func TestConsole_OwnConfiguration(t *testing.T) {
	t.Parallel()
	s := start(t, "-config=docs/examples/local.yaml")
	ctx := browser(t)
	s.signIn(t, ctx, "olga@example.com")
	choose(t, ctx, "role", "Refunds")
	choose(t, ctx, "account", "north")
	if hint := eval[string](t, ctx, `document.getElementById('role-hint').textContent`); hint != "" {
		t.Errorf("the hint is %q; the page does not know this policy's groups", hint)
	}
	tab := open(t, ctx, 0)
	if page := eval[string](t, tab, `document.body.innerText`); !strings.Contains(page, "olga") || !strings.Contains(page, "Refunds") {
		t.Errorf("the portal does not show the operator and the role:\n%s", page)
	}
	until(t, ctx, `document.getElementById('lines').textContent.includes('"account": "north"')`)
}
