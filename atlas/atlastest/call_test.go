package atlastest_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"atriptoken/atlas/atlastest"
)

func TestACorrectCallMintsALink(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	got := call(t, server, validBody)
	if *got.Status != 0 || got.Msg != nil || !strings.HasPrefix(*got.URL, server.URL+"/portal?token=") {
		t.Errorf("url %q, status %d, msg %v; want a link to the portal, 0 and null", *got.URL, *got.Status, got.Msg)
	}
	if again := call(t, server, validBody); *again.URL == *got.URL {
		t.Error("two calls minted the same link")
	}
}

func TestWrongCallsAreRefusedAsAtlasRefuses(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	body := func(orderNo, userName, role string) string {
		return `{"orderNo":` + orderNo + `,"userName":` + userName + `,"role":` + role + `}`
	}
	for name, test := range map[string]struct {
		body   string
		edit   func(*http.Request)
		status int
		msg    string // has to occur in msg
	}{
		"Accept missing":               {edit: header("Accept", ""), status: 901, msg: "Accept "},
		"Accept admits no JSON":        {edit: header("Accept", "text/html, application/json;q=0"), status: 901, msg: "Accept "},
		"Content-Type missing":         {edit: header("Content-Type", ""), status: 901, msg: "Content-Type"},
		"Content-Type not JSON":        {edit: header("Content-Type", "text/plain"), status: 901, msg: "Content-Type"},
		"Accept-Encoding without gzip": {edit: header("Accept-Encoding", "identity"), status: 901, msg: "Accept-Encoding"},
		"Accept-Encoding refuses gzip": {edit: header("Accept-Encoding", "gzip;q=0"), status: 901, msg: "Accept-Encoding"},
		"client id missing":            {edit: header("X-Atlas-Client-Id", ""), status: 3, msg: "unauthorized"},
		"client id unknown":            {edit: header("X-Atlas-Client-Id", "other"), status: 3, msg: "unauthorized"},
		"client secret missing":        {edit: header("X-Atlas-Client-Secret", ""), status: 3, msg: "unauthorized"},
		"client secret wrong":          {edit: header("X-Atlas-Client-Secret", "example-secreT"), status: 3, msg: "unauthorized"},
		"body empty":                   {body: " ", status: 901, msg: "JSON"},
		"body an array":                {body: "[]", status: 901, msg: "JSON"},
		"body with something after it": {body: validBody + "{}", status: 901, msg: "JSON"},
		"body with an unknown member":  {body: `{"extra":1,` + validBody[1:], status: 901, msg: "JSON"},
		"body with a member twice":     {body: `{"role":"Admin",` + validBody[1:], status: 901, msg: "JSON"},
		"member in another case":       {body: strings.Replace(validBody, "role", "Role", 1), status: 901, msg: "JSON"},
		"member of another type":       {body: body("1", `"a"`, `"Admin"`), status: 901, msg: "JSON"},
		"body not UTF-8":               {body: body(`"1"`, "\"\xff\"", `"Admin"`), status: 901, msg: "JSON"},
		"body over 64 KiB":             {body: validBody + strings.Repeat(" ", 64<<10), status: 901, msg: "too large"},
		"orderNo missing":              {body: `{"userName":"a","role":"Admin"}`, status: 100, msg: "orderNo"},
		"userName empty":               {body: body(`"1"`, `""`, `"Admin"`), status: 100, msg: "userName"},
		"role null":                    {body: body(`"1"`, `"a"`, "null"), status: 100, msg: "role"},
		"all missing":                  {body: "{}", status: 100, msg: "orderNo, userName, role"},
		"role not documented":          {body: body(`"1"`, `"a"`, `"finance"`), status: 901, msg: "unknown role"},
		"orderNo no path could carry":  {body: body(`".."`, `"a"`, `"Admin"`), status: 901, msg: "order number"},
		"credentials come before body": {body: "{}", edit: header("X-Atlas-Client-Secret", "wrong"), status: 3, msg: "unauthorized"},
		"headers come before the rest": {body: "{}", edit: header("Accept", ""), status: 901, msg: "Accept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.body == "" {
				test.body = validBody
			}
			if test.edit == nil {
				test.edit = func(*http.Request) {}
			}
			got := call(t, server, test.body, test.edit)
			if *got.Status != test.status || *got.URL != "" || got.Msg == nil || !strings.Contains(*got.Msg, test.msg) {
				t.Errorf("url %q, status %d, msg %v; want no url, %d and %q", *got.URL, *got.Status, got.Msg, test.status, test.msg)
			}
		})
	}
}

func TestHeadersMayVaryAsHTTPAllows(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	for name, edit := range map[string]func(*http.Request){
		"Accept anything":           header("Accept", "text/html, */*;q=0.1"),
		"Accept any application":    header("Accept", "application/*"),
		"Content-Type with charset": header("Content-Type", "application/json; charset=UTF-8"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := call(t, server, validBody, edit); *got.Status != 0 {
				t.Errorf("status %d %s, want 0", *got.Status, *got.Msg)
			}
		})
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	for name, test := range map[string]struct {
		method, path string
		code         int
		allow        string
	}{
		"below a base path":    {"POST", "/a/b/getAtripToken.do", 200, ""},
		"another path":         {"POST", "/getAtripToken", 404, ""},
		"a path that goes on":  {"POST", "/getAtripToken.do/x", 404, ""},
		"the root":             {"GET", "/", 404, ""},
		"GET":                  {"GET", "/getAtripToken.do", 405, "POST"},
		"POST to the portal":   {"POST", "/portal", 405, "GET"},
		"a path like a portal": {"GET", "/portals", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, _ := do(t, server, newRequest(t, server, validBody, func(r *http.Request) {
				r.Method, r.URL.Path = test.method, test.path
			}))
			if answer.StatusCode != test.code || answer.Header.Get("Allow") != test.allow {
				t.Errorf("HTTP %d, Allow %q; want %d, %q", answer.StatusCode, answer.Header.Get("Allow"), test.code, test.allow)
			}
		})
	}
}

func TestAnswersAreGzipWhenAskedFor(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	for name, test := range map[string]struct{ accept, encoding string }{
		"asked for":     {"br, gzip", "gzip"},
		"not asked for": {"identity", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Set by hand, the transport hands the body over as it came.
			answer, body := do(t, server, newRequest(t, server, validBody, header("Accept-Encoding", test.accept)))
			if got := answer.Header.Get("Content-Encoding"); got != test.encoding {
				t.Fatalf("Content-Encoding %q, want %q", got, test.encoding)
			}
			if test.encoding == "gzip" {
				z, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				body = string(plain)
			}
			if !json.Valid([]byte(body)) {
				t.Errorf("body %q is not JSON", body)
			}
		})
	}
}

func TestSetCredentialsReplacesWhatIsAccepted(t *testing.T) {
	t.Parallel()
	server := start(t, &atlastest.Options{ClientID: "agency", ClientSecret: "one"})
	status := func(id, secret string) int {
		return *call(t, server, validBody, header("X-Atlas-Client-Id", id), header("X-Atlas-Client-Secret", secret)).Status
	}
	check := func(when string, one, two, crossed int) {
		t.Helper()
		if a, b, c := status("agency", "one"), status("agency-2", "two"), status("agency", "two"); a != one || b != two || c != crossed {
			t.Errorf("%s: statuses %d, %d, %d; want %d, %d, %d", when, a, b, c, one, two, crossed)
		}
	}
	check("at the start", 0, 3, 3)
	server.SetCredentials(atlastest.Credential{ClientID: "agency", ClientSecret: "one"}, atlastest.Credential{ClientID: "agency-2", ClientSecret: "two"})
	check("in the overlap", 0, 0, 3)
	server.SetCredentials(atlastest.Credential{ClientID: "agency-2", ClientSecret: "two"})
	check("after it", 3, 0, 3)
	server.SetCredentials()
	check("with none", 3, 3, 3)
}

func TestRolesCanDiffer(t *testing.T) {
	t.Parallel()
	server := start(t, &atlastest.Options{Roles: []string{"Night shift"}})
	for role, status := range map[string]int{"Night shift": 0, "Finance": 901} {
		if got := call(t, server, strings.Replace(validBody, "Finance", role, 1)); *got.Status != status {
			t.Errorf("role %q: status %d, want %d", role, *got.Status, status)
		}
	}
}

func TestTheLogHoldsNoSecretAndNoToken(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lines []string
	server := start(t, &atlastest.Options{Logf: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, sprintf(format, args...))
	}})
	link := *call(t, server, validBody).URL
	call(t, server, validBody, header("X-Atlas-Client-Secret", "MARKED"))
	visit(t, newBrowser(t, server), link)
	visit(t, newBrowser(t, server), link)
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(lines, "\n")
	_, token, _ := strings.Cut(link, "token=")
	for _, secret := range []string{token, atlastest.DefaultClientSecret, "MARKED"} {
		if strings.Contains(all, secret) {
			t.Errorf("the log shows %q:\n%s", secret, all)
		}
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, orderNo) }) {
		t.Errorf("the log names no order:\n%s", all)
	}
}
