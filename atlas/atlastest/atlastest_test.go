package atlastest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

const validBody = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`

func start(t *testing.T, o *atlastest.Options) *atlastest.Server {
	t.Helper()
	server := atlastest.NewServer(o)
	t.Cleanup(server.Close)
	return server
}

// send makes the call as a correct client does, with an edit, and returns the
// answer's HTTP status and body. The transport asks for gzip by itself.
func send(t *testing.T, server *atlastest.Server, body string, edit func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/getAtripToken.do", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"},
		"X-Atlas-Client-Id": {atlastest.DefaultClientID}, "X-Atlas-Client-Secret": {atlastest.DefaultClientSecret}}
	if edit != nil {
		edit(r)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

type reply struct {
	URL    string
	Status int
	Msg    *string
}

func call(t *testing.T, server *atlastest.Server, body string, edit func(*http.Request)) (r reply) {
	t.Helper()
	_, text := send(t, server, body, edit)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// The portal's pages show who is signed in, once, and are no calls.
func TestServer_Portal(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := start(t, &atlastest.Options{TLS: true, Logf: func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }})
	r := call(t, server, `{"orderNo":"A/1 \"<b>","userName":"<img src=x>","role":"Admin"}`, nil)
	if r.Status != 0 || r.Msg != nil || !strings.HasPrefix(r.URL, server.URL+"/portal/orders/A%2F1") {
		t.Fatalf("the reply is %+v", r)
	}
	call(t, server, validBody, nil) // a second link, which must not end the first
	unknown := server.URL + "/portal/orders/X1?token=unknown"
	for _, row := range []struct {
		method, link string
		code         int
		page         []string
	}{
		{http.MethodHead, r.URL, http.StatusMethodNotAllowed, nil},
		{http.MethodGet, r.URL, http.StatusOK, []string{"&lt;img src=x&gt;", "Admin", "A/1 &#34;&lt;b&gt;"}},
		{http.MethodGet, r.URL, http.StatusGone, []string{"does not work"}},
		{http.MethodGet, unknown, http.StatusGone, []string{"does not work"}},
	} {
		code, page := send(t, server, "", func(r *http.Request) {
			r.Method, r.Body = row.method, nil
			r.URL, _ = url.Parse(row.link)
		})
		for _, want := range append(row.page, "") {
			if code != row.code || !strings.Contains(page, want) {
				t.Errorf("%s %s: HTTP %d, want %d and %q: %s", row.method, row.link, code, row.code, want, page)
			}
		}
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests are recorded, want the calls only", n)
	}
	if text := log.String(); strings.Contains(text, "example-secret") || strings.Contains(text, "token=") || strings.Count(text, "\n") != 3 {
		t.Errorf("the log is %s", text)
	}
	public := start(t, &atlastest.Options{PublicURL: "https://portal.example.com/"})
	if r := call(t, public, validBody, nil); !strings.HasPrefix(r.URL, "https://portal.example.com/portal/") {
		t.Errorf("under a public URL the link is %s", r.URL)
	}
}

func TestServer_Status(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, row := range map[string]struct {
		edit   func(*http.Request)
		body   string
		status int
		msg    string
	}{
		"no gzip":             {header("Accept-Encoding", "identity"), `{}`, 100, "missing"},
		"unknown client id":   {header("X-Atlas-Client-Id", "other"), "", 3, "unauthorized"},
		"wrong client secret": {header("X-Atlas-Client-Secret", "example-secreT"), "{}", 3, "unauthorized"},
		"unknown member":      {nil, `{"extra":1,` + validBody[1:], 901, "JSON"},
		"member twice":        {nil, `{"role":"Admin",` + validBody[1:], 901, "JSON"},
		"no order":            {nil, `{"userName":"a","role":"Admin"}`, 100, "missing"},
		"empty user name":     {nil, `{"orderNo":"1","userName":"","role":"Admin"}`, 100, "missing"},
		"null role":           {nil, `{"orderNo":"1","userName":"a","role":null}`, 100, "missing"},
		"unknown role":        {nil, `{"orderNo":"1","userName":"a","role":"admin"}`, 901, "role"},
	} {
		r := call(t, server, cmp.Or(row.body, validBody), row.edit)
		if r.Status != row.status || r.URL != "" || r.Msg == nil || !strings.Contains(*r.Msg, row.msg) {
			t.Errorf("%s: the reply is %+v, want status %d and %q", name, r, row.status, row.msg)
		}
	}
	for _, edit := range []func(*http.Request){
		func(r *http.Request) { r.URL.Path += "/x" }, func(r *http.Request) { r.Method = http.MethodPut },
	} {
		if code, _ := send(t, server, validBody, edit); code != http.StatusNotFound {
			t.Errorf("another path or method: HTTP %d", code)
		}
	}
}
