package atlastest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
// answer with its body. The transport asks for gzip by itself.
func send(t *testing.T, server *atlastest.Server, body string, edits ...func(*http.Request)) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/getAtripToken.do", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Atlas-Client-Id", atlastest.DefaultClientID)
	r.Header.Set("X-Atlas-Client-Secret", atlastest.DefaultClientSecret)
	for _, edit := range edits {
		edit(r)
	}
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

type reply struct {
	URL    string
	Status int
	Msg    *string
}

func call(t *testing.T, server *atlastest.Server, body string, edits ...func(*http.Request)) (r reply) {
	t.Helper()
	_, text, err := send(t, server, body, edits...)
	if err != nil {
		t.Fatal(err)
	}
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
	request, err := http.NewRequestWithContext(t.Context(), method, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
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

func TestServer_Portal(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		server := start(t, &atlastest.Options{TLS: secure})
		r := call(t, server, `{"orderNo":"A/1 \"<b>","userName":"<img src=x>","role":"Admin"}`)
		if r.Status != 0 || r.Msg != nil || !strings.HasPrefix(r.URL, server.URL+"/portal/orders/A%2F1") {
			t.Fatalf("the reply is %+v", r)
		}
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
		"body is an array":             {nil, "[]", 901, "JSON"},
		"unknown member":               {nil, `{"extra":1,` + validBody[1:], 901, "JSON"},
		"member twice":                 {nil, `{"role":"Admin",` + validBody[1:], 901, "JSON"},
		"member in another case":       {nil, strings.Replace(validBody, "role", "Role", 1), 901, "JSON"},
		"member is a number":           {nil, `{"orderNo":1,"userName":"a","role":"Admin"}`, 901, "JSON"},
		"no order":                     {nil, `{"userName":"a","role":"Admin"}`, 100, "missing"},
		"empty user name":              {nil, `{"orderNo":"1","userName":"","role":"Admin"}`, 100, "missing"},
		"null role":                    {nil, `{"orderNo":"1","userName":"a","role":null}`, 100, "missing"},
		"unknown role":                 {nil, `{"orderNo":"1","userName":"a","role":"admin"}`, 901, "role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edits := []func(*http.Request){row.edit}
			if row.edit == nil {
				edits = nil
			}
			if row.body == "" {
				row.body = validBody
			}
			r := call(t, server, row.body, edits...)
			if r.Status != row.status || r.URL != "" || r.Msg == nil || !strings.Contains(*r.Msg, row.msg) {
				t.Errorf("the reply is %+v, want status %d and %q", r, row.status, row.msg)
			}
		})
	}
}

func TestServer_SetCredentials(t *testing.T) {
	t.Parallel()
	server := start(t, &atlastest.Options{ClientID: "agency", ClientSecret: "one"})
	pair := func(secret string) atlastest.Credential {
		return atlastest.Credential{ClientID: "agency", ClientSecret: secret}
	}
	status := func(secret string) int {
		return call(t, server, validBody, header("X-Atlas-Client-Id", "agency"), header("X-Atlas-Client-Secret", secret)).Status
	}
	for _, row := range []struct {
		accepted []atlastest.Credential // nil: as started
		one, two int
	}{
		{nil, 0, 3},
		{[]atlastest.Credential{pair("one"), pair("two")}, 0, 0},
		{[]atlastest.Credential{pair("two")}, 3, 0},
		{[]atlastest.Credential{}, 3, 3},
	} {
		if row.accepted != nil {
			server.SetCredentials(row.accepted...)
		}
		if one, two := status("one"), status("two"); one != row.one || two != row.two {
			t.Errorf("with %v: statuses %d and %d, want %d and %d", row.accepted, one, two, row.one, row.two)
		}
	}
}

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := start(t, &atlastest.Options{Logf: func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }})
	server.Script(atlastest.SystemError())
	for code, edit := range map[int]func(*http.Request){
		http.StatusNotFound:         func(r *http.Request) { r.URL.Path = "/getAtripToken.do/x" },
		http.StatusMethodNotAllowed: func(r *http.Request) { r.Method = http.MethodGet },
	} {
		if response, _, err := send(t, server, "", edit); err != nil || response.StatusCode != code {
			t.Errorf("%v, want HTTP %d (%v)", response, code, err)
		}
	}
	link := func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/base/getAtripToken.do", "a=b" }
	if r := call(t, server, validBody, link); r.Status != 2 {
		t.Errorf("status %d: another request used the step up", r.Status)
	}
	visit(t, server, http.MethodGet, call(t, server, validBody).URL)
	got := server.Requests()
	if len(got) != 4 {
		t.Fatalf("%d requests are recorded, want all but the portal's", len(got))
	}
	got[2].Header = http.Header{"X-Atlas-Client-Secret": got[2].Header.Values("X-Atlas-Client-Secret")}
	if diff := cmp.Diff(atlastest.Recorded{
		Method: "POST", Path: "/base/getAtripToken.do", RawQuery: "a=b", Proto: "HTTP/1.1", Body: validBody,
		Header: http.Header{"X-Atlas-Client-Secret": {atlastest.DefaultClientSecret}},
	}, got[2]); diff != "" {
		t.Error(diff)
	}
	text := log.String()
	if strings.Contains(text, atlastest.DefaultClientSecret) || strings.Contains(text, "token=") || strings.Count(text, "\n") != 2 {
		t.Errorf("the log is %s", text)
	}
}

func TestStep(t *testing.T) {
	t.Parallel()
	const limited = `{"code":429,"message":"too many requests","limitType":"QPS","limit":1,"retryAfter":7}`
	for name, row := range map[string]struct {
		step atlastest.Step
		code int
		body string // "": reading it fails
	}{
		"status":          {atlastest.Status(9999), 200, `{"url":"","status":9999,"msg":"status 9999"}`},
		"message":         {atlastest.StatusMessage(2, "a\nb"), 200, `{"url":"","status":2,"msg":"a\nb"}`},
		"unauthorized":    {atlastest.Unauthorized(), 200, `{"url":"","status":3,"msg":"unauthorized access"}`},
		"rate limit":      {atlastest.RateLimited(7, 429), 429, limited},
		"redirect":        {atlastest.Redirect("https://example.com/"), 307, "Temporary Redirect\n"},
		"bad url":         {atlastest.BadURL("/a?b&c"), 200, `{"url":"/a?b&c","status":0,"msg":null}`},
		"missing url":     {atlastest.MissingURL(), 200, `{"status":0,"msg":null}`},
		"status a string": {atlastest.StatusString("0"), 200, `{"url":"","status":"0"}`},
		"garbage":         {atlastest.Garbage(), 200, "{\"url\":\xff\x00 garbage"},
		"page":            {atlastest.HTML(), 200, "<!doctype html><p>We are back soon.</p>\n"},
		"oversized":       {atlastest.Oversized(100_000), 200, `{"url":"","status":2,"msg":"` + strings.Repeat("a", 100_000-30) + `"}`},
		"gzip bomb":       {atlastest.GzipBomb(1 << 20), 200, `{"url":"","status":2,"msg":"` + strings.Repeat("a", 1<<20-30) + `"}`},
		"truncated":       {atlastest.Truncated(), 200, ""},
		"half a gzip":     {atlastest.GzipTruncated(), 200, ""},
		"not gzip":        {atlastest.NotGzip(), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, nil)
			server.Script(row.step)
			// The credentials and the body are wrong: a step looks at neither.
			response, body, err := send(t, server, "", header("X-Atlas-Client-Id", ""))
			if response == nil || response.StatusCode != row.code || (err == nil) != (row.body != "") || err == nil && body != row.body {
				t.Errorf("%v %.100q, %v; want HTTP %d %.100q", response, body, err, row.code, row.body)
			}
			if name == "redirect" && response.Header.Get("Location") != "https://example.com/" {
				t.Error("the Location is missing")
			}
			if name == "gzip bomb" && !response.Uncompressed {
				t.Error("it is not compressed")
			}
		})
	}
}

func TestGzipBomb_StopsWithTheClient(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.GzipBomb(1 << 50))
	response, err := server.Client().Post(server.URL+"/getAtripToken.do", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, response.Body, 1<<20); err != nil {
		t.Error(err)
	}
	response.Body.Close()
	server.Close() // returns when the call has ended
}

// ExampleNewServer posts a call to the simulator, and again while it is told to fail.
func ExampleNewServer() {
	server := atlastest.NewServer(nil)
	defer server.Close()
	server.Script(atlastest.OK(), atlastest.RateLimited(1, http.StatusOK))
	for range 2 {
		request, _ := http.NewRequest(http.MethodPost, server.URL+"/getAtripToken.do", strings.NewReader(validBody))
		request.Header.Set("Accept", "application/json")
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Atlas-Client-Id", atlastest.DefaultClientID)
		request.Header.Set("X-Atlas-Client-Secret", atlastest.DefaultClientSecret)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		text, _, _ := strings.Cut(string(body), "?token=")
		fmt.Println(strings.ReplaceAll(text, server.URL, "https://atlas.example"))
	}
	fmt.Println(len(server.Requests()), "calls")
	// Output:
	// {"url":"https://atlas.example/portal/orders/XPFIW20220209163159425
	// {"code":429,"message":"too many requests","limitType":"QPS","limit":1,"retryAfter":1}
	// 2 calls
}
