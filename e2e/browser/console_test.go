package browser_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"atriptoken/e2e/local"
)

// TestConsole_Click also takes the picture of the README, the console after a
// click, and writes it to the file that SCREENSHOT names.
func TestConsole_Click(t *testing.T) {
	t.Parallel()
	s, ctx := console(t, "amelia")
	written := listen(t, ctx)
	media(t, ctx, "prefers-color-scheme", "light")
	run(t, ctx, chromedp.EmulateViewport(1360, 860))
	tab := open(t, ctx, 0)
	page := eval[string](t, tab, `document.body.innerText`)
	for _, want := range []string{"XPFIW20220209163159425", "amelia@example.com", "Customer service"} {
		if !strings.Contains(page, want) {
			t.Errorf("the portal does not show %s:\n%s", want, page)
		}
	}
	until(t, ctx, `document.querySelectorAll('#lines li .chip.good').length === 1`)
	if file := os.Getenv("SCREENSHOT"); file != "" {
		front(t, ctx)
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	choose(t, ctx, "fault", "atlas-garbage")
	fail(t, ctx, 1)
	if style := eval[string](t, ctx, `getComputedStyle(`+button(0)+`).display`); style != "inline-flex" {
		t.Errorf("the button's style was not applied: display is %s", style)
	}
	if strings.Contains(written(), "Content Security Policy") || strings.Contains(written(), "Trusted") {
		t.Errorf("the console page breaks its own policy: %s", written())
	}
	if strings.Contains(s.Output(), "token=") {
		t.Error("the token's url is in the output")
	}
}

// shown is what the console shows of an operator's page.
func shown(t *testing.T, ctx context.Context) string {
	t.Helper()
	return eval[string](t, ctx, `['signed-in', 'notice', 'sign-in-again'].filter((id) =>
		document.getElementById(id).checkVisibility()).join()`)
}

func TestConsole_SignInExpired(t *testing.T) {
	t.Parallel()
	s, ctx := console(t, "amelia")
	if got := shown(t, ctx); got != "signed-in" {
		t.Errorf("with a good token the console shows %s", got)
	}
	expire := func(t *testing.T) {
		choose(t, ctx, "fault", "none")
		do(t, ctx, `const token = await fetch('`+s.Issuer+`/dev-token?user=amelia@example.com&lifetime=-10m');
			sessionStorage.setItem('token', await token.text()); location.reload()`)
		until(t, ctx, `document.documentElement.dataset.ready === 'true' && document.getElementById('notice').checkVisibility()`)
	}
	for name, end := range map[string]func(*testing.T){
		"the gateway refuses the token": func(t *testing.T) { choose(t, ctx, "fault", "sign-in-expired") },
		"the page has an old token":     expire,
	} {
		t.Run(name, func(t *testing.T) {
			end(t)
			if told := fail(t, ctx, 0); !strings.Contains(told, "Your sign-in has expired") {
				t.Errorf("the operator is told %q", told)
			}
			if got := shown(t, ctx); got != "signed-in,notice,sign-in-again" {
				t.Errorf("the console shows %s, want the orders and a notice", got)
			}
		})
	}
	choose(t, ctx, "fault", "none")
	signIn(t, ctx, "sign-in-again", "finn")
	open(t, ctx, 0)
	if got := shown(t, ctx); got != "signed-in" {
		t.Errorf("after the next sign-in the console shows %s", got)
	}
}

func TestConsole_SignInFails(t *testing.T) {
	t.Parallel()
	s, ctx := local.Start(t), browser(t)
	enter(t, ctx, s.Console)
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
		do(t, ctx, `sessionStorage.clear(); sessionStorage.setItem('`+key+`', '`+value+`')`)
		enter(t, ctx, s.Console+"/"+row.query)
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
	_, ctx := console(t, "amelia")
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
	_, ctx := console(t, "finn")
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
	s, ctx := console(t, "amelia")
	choose(t, ctx, "fault", "atlas-system-error")
	fail(t, ctx, 0)
	until(t, ctx, `document.getElementById('lines').innerText.includes('AtlasFailed')`)
	until(t, ctx, `document.getElementById('preflights').innerText === 'CORS preflights of the browser: 1'`)
	if n := eval[int](t, ctx, `document.querySelectorAll('#lines > li').length`); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
	entry := eval[string](t, ctx, `document.querySelector('#lines li').innerText`)
	for _, want := range []string{
		"AtlasFailed", "amelia@example.com · Customer service · XPFIW20220209163159425", "Atlas ", "Wait ", "Total ",
	} {
		if !strings.Contains(entry, want) {
			t.Errorf("the entry lacks %q:\n%s", want, entry)
		}
	}
	do(t, ctx, link(0)+`.setAttribute('user-name', 'finn@example.com')`)
	click(t, ctx, 0)
	until(t, ctx, `document.getElementById('lines').innerText.includes('amelia@example.com (`+s.Issuer+`) → finn@example.com')`)
}

func TestConsole_APIReference(t *testing.T) {
	t.Parallel()
	s, ctx := local.Start(t), browser(t)
	written := listen(t, ctx)
	run(t, ctx, chromedp.Navigate(s.Console+"/api/"))
	until(t, ctx, `document.querySelector('.btn.authorize.locked') !== null`) // an operator's token is filled in
	run(t, ctx, chromedp.Click(`button.execute`, chromedp.NodeVisible))
	until(t, ctx, `document.querySelector('.live-responses-table tbody .response-col_status')?.innerText.startsWith('200')`)
	body := eval[string](t, ctx, `document.querySelector('.opblock-body').innerText`)
	for _, want := range []string{"curl -X 'POST'", s.API, `"url": "` + s.Atlas, "PowerShell"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q:\n%.2000s", want, body)
		}
	}
	if strings.Contains(written(), "Content Security Policy") {
		t.Errorf("the page breaks its own policy:\n%s", written())
	}
}

func TestConsole_OwnConfiguration(t *testing.T) {
	t.Parallel()
	_, ctx := console(t, "olga", "-config=docs/examples/local.yaml")
	choose(t, ctx, "role", "Refunds")
	choose(t, ctx, "account", "north")
	if hint := eval[string](t, ctx, `document.getElementById('role-hint').textContent`); hint != "" {
		t.Errorf("the hint is %q; the page does not know this policy's groups", hint)
	}
	open(t, ctx, 0)
	until(t, ctx, `['olga', 'Refunds', '"account": "north"'].every((text) => document.getElementById('lines').textContent.includes(text))`)
}
