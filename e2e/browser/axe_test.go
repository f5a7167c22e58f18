package browser_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"atriptoken/e2e/local"
)

// accessible runs axe-core over the page, with the rules of WCAG 2.2 AA and its
// best practices, and fails for every violation.
func accessible(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	axe, err := os.ReadFile(tools + "axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: `make tools` installs it", err)
	}
	front(t, ctx)
	eval[bool](t, ctx, string(axe)+`; true`)
	violations := eval[[]string](t, ctx, `axe.run(document).then((r) => [...r.passes.length < 5 ? ['axe checked hardly a rule'] : [],
		...r.violations.map((v) => v.id + ': ' + v.help + ' '
			+ v.nodes.map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join('; '))])`)
	for _, violation := range violations {
		t.Errorf("%s: %s", what, violation)
	}
}

func TestAccessibility_Axe(t *testing.T) {
	t.Parallel()
	s := local.Start(t)
	for _, light := range []string{"light", "dark"} {
		t.Run(light, func(t *testing.T) {
			ctx := browser(t)
			media(t, ctx, "prefers-color-scheme", light)
			enter(t, ctx, s.Console)
			choose(t, ctx, "fault", "none")
			accessible(t, ctx, "the console, signed out")
			run(t, ctx, chromedp.Click(`#sign-in-hero`, chromedp.NodeVisible), chromedp.WaitVisible(`button[value="ada@example.com"]`))
			accessible(t, ctx, "the sign-in page")
			enter(t, ctx, s.Console)
			signIn(t, ctx, "sign-in-hero", "amelia")
			tab := open(t, ctx, 0)
			media(t, tab, "prefers-color-scheme", light)
			accessible(t, tab, "the portal")
			accessible(t, ctx, "the console after a success")
			choose(t, ctx, "fault", "atlas-rate-limited")
			fail(t, ctx, 1)
			choose(t, ctx, "fault", "atlas-system-error")
			fail(t, ctx, 2)
			choose(t, ctx, "fault", "sign-in-expired")
			fail(t, ctx, 4)
			until(t, ctx, `document.querySelectorAll('#lines li').length >= 4`)
			expand(t, ctx)
			accessible(t, ctx, "the console with errors, an expired sign-in and whole audit lines")
			choose(t, ctx, "language", "zh")
			expand(t, ctx)
			accessible(t, ctx, "the console in Chinese")
			media(t, ctx, "forced-colors", "active")
			accessible(t, ctx, "the console in forced colors")
			media(t, ctx, "prefers-color-scheme", light)
			run(t, ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
			accessible(t, ctx, "the console on a phone")
		})
	}
}

func TestAccessibility_ReducedMotion(t *testing.T) {
	t.Parallel()
	ctx, _ := element(t)
	for value, want := range map[string]string{"reduce": "none", "no-preference": "turn"} {
		media(t, ctx, "prefers-reduced-motion", value)
		reload(t, ctx)
		got := eval[string](t, ctx, `(() => { const i = document.createElement('i'); `+link(0)+`.shadowRoot.append(i);
			return getComputedStyle(i).animationName; })()`)
		if got != want {
			t.Errorf("prefers-reduced-motion %s: the spinner's animation is %s, want %s", value, got, want)
		}
	}
}

func TestAccessibility_RoleAttribute(t *testing.T) {
	t.Parallel()
	ctx, _ := element(t)
	got := eval[string](t, ctx, fmt.Sprintf(`[%[1]s.getAttribute('role'), %[1]s.getAttribute('atrip-role')].join()`, link(0)))
	if got != ",Finance" {
		t.Errorf("role and atrip-role are %s, want the role moved to atrip-role", got)
	}
	name := eval[string](t, ctx, button(0)+`.textContent + ', ' + `+button(0)+`.ariaDescription`)
	if name != "Open order X1 in ATRIP, opens in a new tab" {
		t.Errorf("a screen reader calls the button %q", name)
	}
}
