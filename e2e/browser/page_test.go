package browser_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// strictCSP is a policy as strict as a page with the element can have.
const strictCSP = "default-src 'none'; script-src 'self'; connect-src *; base-uri 'none'; form-action 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

func html(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Orders</title>%s</html>`, body)
}

// page serves a page with one <atrip-link> that has the given attributes, from
// an origin of its own, without the console around it. At /?plain it has no
// content security policy, at /?bare no script.
func page(t *testing.T, attributes string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			w.Header().Set("Content-Security-Policy", strictCSP)
		}
		script := `<script type="module" src="atrip-link.zh.js"></script>`
		if r.URL.RawQuery == "bare" {
			script = ""
		}
		html(w, script+`<main><h1>Orders</h1><atrip-link `+attributes+`></atrip-link></main>`)
	})
	mux.Handle("GET /", http.FileServer(http.Dir(root+"/web")))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// visit opens a page with one <atrip-link>. The page keeps the detail of the last
// atrip-failed.
func visit(t *testing.T, ctx context.Context, attributes string) {
	t.Helper()
	run(t, ctx, chromedp.Navigate(page(t, attributes)))
	reload(t, ctx)
}

// reload opens the page of visit anew.
func reload(t *testing.T, ctx context.Context) {
	t.Helper()
	run(t, ctx, chromedp.Reload())
	until(t, ctx, link(0)+`?.state === 'idle'`)
	do(t, ctx, `addEventListener('atrip-failed', (e) => { document.detail = e.detail; })`)
}

// failure is the code of the last atrip-failed.
func failure(t *testing.T, ctx context.Context) string {
	t.Helper()
	return eval[string](t, ctx, `document.detail.code`)
}

// element opens a page with an <atrip-link> for an endpoint that the test sets.
func element(t *testing.T, attributes ...string) (context.Context, *endpoint) {
	t.Helper()
	broker, ctx := newEndpoint(t), browser(t)
	visit(t, ctx, broker.attributes()+strings.Join(attributes, " "))
	return ctx, broker
}

// endpoint replaces the broker, and answers what a test sets. It has a portal, too.
type endpoint struct {
	URL    string
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int32
	// arrived gets what the portal's page knows of itself.
	arrived chan string
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{arrived: make(chan string, 8)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /portal/orders/X1", func(w http.ResponseWriter, _ *http.Request) {
		html(w, `<main>Portal</main><script>fetch('/arrived', { method: 'POST',
			body: [location.pathname, opener, document.referrer, history.length].join() })</script>`)
	})
	mux.HandleFunc("POST /arrived", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		e.arrived <- string(text)
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Allow-Headers", "authorization,content-type,x-atrip-account")
		header.Set("Access-Control-Expose-Headers", "apigw-requestid,retry-after")
		if r.Method == http.MethodPost { // not a preflight
			e.asked.Add(1)
			(*e.answer.Load())(w, r)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
}

func (e *endpoint) attributes() string {
	return `endpoint="` + e.URL + `" order-no="X1" role="Finance" `
}

// arrival waits for the portal's page. It has no opener, no referrer and no entry
// in the history before its own.
func (e *endpoint) arrival(t *testing.T) {
	t.Helper()
	select {
	case got := <-e.arrived:
		if want := "/portal/orders/X1,,,1"; got != want {
			t.Errorf("the portal's address, opener, referrer and entries in the history are %s, want %s", got, want)
		}
	case <-time.After(step):
		t.Fatal("no tab has come to the portal")
	}
}

// token is in each url that an endpoint gives.
const token = "example-of-a-token-in-a-url"

func (e *endpoint) success() string {
	return `{"url":"` + e.URL + `/portal/orders/X1?token=` + token + `","status":0,"msg":null}`
}

// problem is the broker's answer for a code.
func problem(code string, status int) string {
	return fmt.Sprintf(`{"type":"about:blank","title":"t","status":%d,"detail":"d","instance":"id-1","code":%q}`, status, code)
}

// says sets the answer.
func (e *endpoint) says(status int, body string, headers ...string) {
	e.does(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func (e *endpoint) does(answer http.HandlerFunc) { e.answer.Store(&answer) }
