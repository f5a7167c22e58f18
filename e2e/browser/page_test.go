package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// strictCSP is a policy as strict as a page with the element can have.
const strictCSP = "default-src 'none'; script-src 'self'; connect-src *; base-uri 'none'; form-action 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// page serves a page with one <atrip-link> that has the given attributes, from
// an origin of its own, without the console around it.
func page(t *testing.T, attributes string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "plain" {
			w.Header().Set("Content-Security-Policy", strictCSP)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Orders</title>
			<script type="module" src="atrip-link.zh.js"></script><main><h1>Orders</h1><atrip-link %s></atrip-link></main></html>`, attributes)
	})
	mux.HandleFunc("GET /bare", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>Orders</title><atrip-link %s></atrip-link>`, attributes)
	})
	mux.HandleFunc("GET /portal/orders/X1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>Portal</title><main>Portal</main>`)
	})
	for _, name := range []string{"atrip-link.js", "atrip-link.zh.js"} {
		text, err := os.ReadFile(root + "/web/" + name)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(text)
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// visit opens a page with one <atrip-link>. The page keeps the detail of the last
// atrip-failed.
func visit(t *testing.T, ctx context.Context, attributes string) {
	t.Helper()
	run(t, ctx, chromedp.Navigate(page(t, attributes).URL))
	reload(t, ctx)
}

// reload opens the page of visit anew.
func reload(t *testing.T, ctx context.Context) {
	t.Helper()
	run(t, ctx, chromedp.Reload())
	until(t, ctx, link(0)+`?.state === 'idle'`)
	eval[bool](t, ctx, `(addEventListener('atrip-failed', (e) => { document.detail = e.detail; }), true)`)
}

// element opens a page with an <atrip-link> for an endpoint that the test sets.
func element(t *testing.T, attributes ...string) (context.Context, *endpoint) {
	t.Helper()
	broker, ctx := newEndpoint(t), browser(t)
	visit(t, ctx, `endpoint="`+broker.URL+`" order-no="X1" role="Finance" `+strings.Join(attributes, " "))
	return ctx, broker
}

// endpoint replaces the broker, and answers what a test sets.
type endpoint struct {
	URL    string
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int32
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Allow-Headers", "authorization,content-type,x-atrip-account")
		header.Set("Access-Control-Expose-Headers", "apigw-requestid,retry-after")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if r.Method != http.MethodPost { // a tab that follows a url to here
			return
		}
		e.asked.Add(1)
		(*e.answer.Load())(w, r)
	}))
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
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
