package atlastest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
)

var sprintf = fmt.Sprintf

// newBrowser returns a client that keeps cookies and follows redirects.
func newBrowser(t testing.TB, server *atlastest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: server.Client().Transport, Jar: jar}
}

// visit opens link and returns the last answer with its page.
func visit(t testing.TB, browser *http.Client, link string) (*http.Response, string) {
	t.Helper()
	answer, err := browser.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(page)
}

func TestALinkOpensTheOrderAndLeavesTheAddressBar(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*atlastest.Options{"HTTP": nil, "HTTPS": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, o)
			browser := newBrowser(t, server)
			answer, page := visit(t, browser, *call(t, server, validBody).URL)
			if got, want := answer.Request.URL.String(), server.URL+"/portal/orders/"+orderNo; got != want {
				t.Errorf("the browser stands at %s, want %s", got, want)
			}
			for _, want := range []string{
				`<dd id="user-name">amelia@example.com</dd>`, `<dd id="role">Finance</dd>`, `<dd id="order-no">` + orderNo + `</dd>`, "simulator",
			} {
				if answer.StatusCode != http.StatusOK || !strings.Contains(page, want) {
					t.Errorf("HTTP %d, page without %s:\n%s", answer.StatusCode, want, page)
				}
			}
			if answer, _ := visit(t, browser, answer.Request.URL.String()); answer.StatusCode != http.StatusOK {
				t.Errorf("reloading the page: HTTP %d, want 200", answer.StatusCode)
			}
			if answer, _ := visit(t, newBrowser(t, server), answer.Request.URL.String()); answer.StatusCode != http.StatusForbidden {
				t.Errorf("the page in another browser: HTTP %d, want 403", answer.StatusCode)
			}
		})
	}
}

func TestSessionsOfTwoOrdersLiveSideBySide(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	browser := newBrowser(t, server)
	visit(t, browser, *call(t, server, validBody).URL)
	visit(t, browser, *call(t, server, strings.NewReplacer(orderNo, "B-2", "Finance", "Admin").Replace(validBody)).URL)
	if _, page := visit(t, browser, server.URL+"/portal/orders/"+orderNo); !strings.Contains(page, `<dd id="role">Finance</dd>`) {
		t.Errorf("the first order's page lost its session:\n%s", page)
	}
	if answer, _ := visit(t, browser, server.URL+"/portal/orders/C-3"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("an order without a link: HTTP %d, want 403", answer.StatusCode)
	}
}

func TestASessionOpensNoOtherOrder(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	browser := newBrowser(t, server)
	visit(t, browser, *call(t, server, validBody).URL)
	visit(t, browser, *call(t, server, strings.Replace(validBody, orderNo, "B-2", 1)).URL)
	address, err := url.Parse(server.URL + "/portal")
	if err != nil {
		t.Fatal(err)
	}
	cookies := browser.Jar.Cookies(address)
	if len(cookies) != 2 {
		t.Fatalf("%d cookies, want one for each order", len(cookies))
	}
	cookies[0].Value, cookies[1].Value = cookies[1].Value, cookies[0].Value
	for _, cookie := range cookies {
		cookie.Path = "/portal" // otherwise they stand beside those of the server
	}
	browser.Jar.SetCookies(address, cookies)
	if answer, _ := visit(t, browser, server.URL+"/portal/orders/B-2"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("with the other order's session: HTTP %d, want 403", answer.StatusCode)
	}
}

func TestLinksThatDoNotOpen(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	server := start(t, &atlastest.Options{TokenTTL: time.Minute, Now: clock.Now})
	used, old := *call(t, server, validBody).URL, *call(t, server, validBody).URL
	visit(t, newBrowser(t, server), used)
	clock.add(time.Minute - time.Nanosecond)
	fresh := *call(t, server, validBody).URL
	clock.add(time.Nanosecond)
	for name, test := range map[string]struct {
		link, title string
		code        int
	}{
		"used":               {used, "This link has been used", http.StatusGone},
		"expired":            {old, "This link has expired", http.StatusGone},
		"unknown":            {server.URL + "/portal?token=ABCDEFGHIJKLMNOPQRSTUVWXYZ", "This link is not valid", http.StatusForbidden},
		"without token":      {server.URL + "/portal", "This link is not valid", http.StatusForbidden},
		"still in time":      {fresh, "Order " + orderNo, http.StatusOK},
		"not signed in":      {server.URL + "/portal/orders/" + orderNo, "You are not signed in", http.StatusForbidden},
		"slash in the order": {server.URL + "/portal/orders/a%2Fb", "You are not signed in", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			answer, page := visit(t, newBrowser(t, server), test.link)
			if answer.StatusCode != test.code || !strings.Contains(page, "<h1>"+test.title+"</h1>") {
				t.Errorf("HTTP %d, want %d and %q:\n%s", answer.StatusCode, test.code, test.title, page)
			}
		})
	}
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	server := start(t, &atlastest.Options{Now: clock.Now})
	browser := newBrowser(t, server)
	answer, _ := visit(t, browser, *call(t, server, validBody).URL)
	clock.add(30 * time.Minute)
	if answer, _ = visit(t, browser, answer.Request.URL.String()); answer.StatusCode != http.StatusForbidden {
		t.Errorf("after 30 minutes: HTTP %d, want 403", answer.StatusCode)
	}
}

func TestALinkWorksOnceHoweverManyOpenItTogether(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	link := *call(t, server, validBody).URL
	const visitors = 16
	codes := make([]int, visitors)
	var all sync.WaitGroup
	for i := range visitors {
		browser := newBrowser(t, server)
		all.Go(func() {
			answer, err := browser.Get(link)
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			codes[i] = answer.StatusCode
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, code := range codes {
		count[code]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusGone] != visitors-1 {
		t.Errorf("codes %v, want one 200 and %d times 410", count, visitors-1)
	}
}

func TestLookingAtALinkDoesNotUseItUp(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	link := *call(t, server, validBody).URL
	answer, err := server.Client().Head(link)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: HTTP %d, want 405", answer.StatusCode)
	}
	if answer, _ := visit(t, newBrowser(t, server), link); answer.StatusCode != http.StatusOK {
		t.Errorf("GET after HEAD: HTTP %d, want 200", answer.StatusCode)
	}
}

func TestPortalPagesLetNothingElseIn(t *testing.T) {
	t.Parallel()
	server := start(t, &atlastest.Options{TLS: true})
	body := `{"orderNo":"a/b \"<script>","userName":"<img src=x>","role":"Admin"}`
	link := *call(t, server, body).URL
	browser := newBrowser(t, server)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	redirect, _ := visit(t, browser, link)
	if redirect.StatusCode != http.StatusSeeOther || strings.Contains(redirect.Header.Get("Location"), "token") {
		t.Errorf("HTTP %d to %q, want 303 to an address without the token", redirect.StatusCode, redirect.Header.Get("Location"))
	}
	cookie := redirect.Header.Get("Set-Cookie")
	for _, want := range []string{"; Path=/portal", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("Set-Cookie %q lacks %q", cookie, want)
		}
	}
	target, err := redirect.Location()
	if err != nil {
		t.Fatal(err)
	}
	order, page := visit(t, browser, target.String())
	gone, _ := visit(t, browser, link)
	for name, answer := range map[string]*http.Response{"redirect": redirect, "order": order, "used": gone} {
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := answer.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if got := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; style-src 'sha256-") {
			t.Errorf("%s: Content-Security-Policy %q", name, got)
		}
	}
	if order.StatusCode != http.StatusOK || strings.Contains(page, "<img") || strings.Contains(page, "<script") || !strings.Contains(page, "&lt;img src=x&gt;") {
		t.Errorf("HTTP %d, want the names as text:\n%s", order.StatusCode, page)
	}
	// The style sheet as sent has to be the one that the policy admits.
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(order.Header.Get("Content-Security-Policy"), want) {
		t.Errorf("the policy %q does not admit the style sheet %s", order.Header.Get("Content-Security-Policy"), want)
	}
}

func TestHandlerServesUnderAPublicURL(t *testing.T) {
	t.Parallel()
	host := &http.Server{}
	server, listener := hosted(t, host, "/sim")
	link, err := url.Parse(*call(t, server, validBody).URL)
	if err != nil || link.Host != listener || link.Path != "/sim/portal" {
		t.Fatalf("link %v, error %v; want host %s and path /sim/portal", link, err, listener)
	}
	browser := newBrowser(t, server)
	answer, page := visit(t, browser, link.String())
	if answer.Request.URL.Path != "/sim/portal/orders/"+orderNo || !strings.Contains(page, "amelia@example.com") {
		t.Errorf("HTTP %d at %s:\n%s", answer.StatusCode, answer.Request.URL, page)
	}
}
