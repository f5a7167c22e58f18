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

// send makes the call as a correct client does, with edits, and returns the
// answer's HTTP status and body. The transport asks for gzip by itself.
func send(t *testing.T, server *atlastest.Server, body string, edits ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/getAtripToken.do", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"},
		"X-Atlas-Client-Id": {atlastest.DefaultClientID}, "X-Atlas-Client-Secret": {atlastest.DefaultClientSecret}}
	for _, edit := range edits {
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

func call(t *testing.T, server *atlastest.Server, body string, edits ...func(*http.Request)) (r reply) {
	t.Helper()
	_, text := send(t, server, body, edits...)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func visit(t *testing.T, server *atlastest.Server, method, link string) (code int, page string) {
	t.Helper()
	to, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, server, "", func(r *http.Request) { r.Method, r.URL, r.Body = method, to, nil })
}

func TestServer_Portal(t *testing.T) {
	t.Parallel()
	server := start(t, &atlastest.Options{TLS: true})
	r := call(t, server, `{"orderNo":"A/1 \"<b>","userName":"<img src=x>","role":"Admin"}`)
	if r.Status != 0 || r.Msg != nil || !strings.HasPrefix(r.URL, server.URL+"/portal/orders/A%2F1") {
		t.Fatalf("the reply is %+v", r)
	}
	call(t, server, validBody) // a second link, which must not end the first
	if code, _ := visit(t, server, http.MethodHead, r.URL); code != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: HTTP %d", code)
	}
	code, page := visit(t, server, http.MethodGet, r.URL)
	for _, want := range []string{"&lt;img src=x&gt;", "Admin", "A/1 &#34;&lt;b&gt;"} {
		if code != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("HTTP %d, want the page to contain %s: %s", code, want, page)
		}
	}
	for _, link := range []string{r.URL, server.URL + "/portal/orders/X1", server.URL + "/portal/orders/X1?token=unknown"} {
		if code, page := visit(t, server, http.MethodGet, link); code != http.StatusGone || !strings.Contains(page, "does not work") {
			t.Errorf("a link that was used or never made: HTTP %d: %s", code, page)
		}
	}
	public := start(t, &atlastest.Options{PublicURL: "https://portal.example.com/"})
	if r := call(t, public, validBody); !strings.HasPrefix(r.URL, "https://portal.example.com/portal/") {
		t.Errorf("under a public URL the link is %s", r.URL)
	}
}

func TestServer_Status(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	for name, row := range map[string]struct {
		edit   func(*http.Request)
		body   string
		status int
		msg    string
	}{
		"Accept without JSON":          {header("Accept", "text/html"), "", 901, "Accept"},
		"Content-Type is not JSON":     {header("Content-Type", "text/plain"), "", 901, "Content-Type"},
		"Accept-Encoding without gzip": {header("Accept-Encoding", "identity"), "", 901, "Accept-Encoding"},
		"unknown client id":            {header("X-Atlas-Client-Id", "other"), "", 3, "unauthorized"},
		"wrong client secret":          {header("X-Atlas-Client-Secret", "example-secreT"), "{}", 3, "unauthorized"},
		"unknown member":               {nil, `{"extra":1,` + validBody[1:], 901, "JSON"},
		"member twice":                 {nil, `{"role":"Admin",` + validBody[1:], 901, "JSON"},
		"member in another case":       {nil, strings.Replace(validBody, "role", "Role", 1), 901, "JSON"},
		"no order":                     {nil, `{"userName":"a","role":"Admin"}`, 100, "missing"},
		"empty user name":              {nil, `{"orderNo":"1","userName":"","role":"Admin"}`, 100, "missing"},
		"null role":                    {nil, `{"orderNo":"1","userName":"a","role":null}`, 100, "missing"},
		"unknown role":                 {nil, `{"orderNo":"1","userName":"a","role":"admin"}`, 901, "role"},
	} {
		if row.edit == nil {
			row.edit = func(*http.Request) {}
		}
		r := call(t, server, cmp.Or(row.body, validBody), row.edit)
		if r.Status != row.status || r.URL != "" || r.Msg == nil || !strings.Contains(*r.Msg, row.msg) {
			t.Errorf("%s: the reply is %+v, want status %d and %q", name, r, row.status, row.msg)
		}
	}
}

// Calls of getAtripToken.do use the script up, other requests do not. The portal's are not recorded.
func TestServer_Requests(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := start(t, &atlastest.Options{Logf: func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }})
	server.Script(atlastest.SystemError())
	for code, edit := range map[int]func(*http.Request){
		http.StatusNotFound:         func(r *http.Request) { r.URL.Path = "/getAtripToken.do/x" },
		http.StatusMethodNotAllowed: func(r *http.Request) { r.Method = http.MethodGet },
	} {
		if got, _ := send(t, server, "", edit); got != code {
			t.Errorf("HTTP %d, want %d", got, code)
		}
	}
	if r := call(t, server, validBody); r.Status != 2 {
		t.Errorf("status %d: another request used the step up", r.Status)
	}
	visit(t, server, http.MethodGet, call(t, server, validBody).URL)
	if got := server.Requests(); len(got) != 4 {
		t.Errorf("%d requests are recorded, want all but the portal's", len(got))
	}
	text := log.String()
	if strings.Contains(text, atlastest.DefaultClientSecret) || strings.Contains(text, "token=") || strings.Count(text, "\n") != 2 {
		t.Errorf("the log is %s", text)
	}
}
