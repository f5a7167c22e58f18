package atlas_test

import (
	"strconv"
	"strings"
	"testing"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
)

func TestParseBaseURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{ // "" means accepted
		"https://sandbox.atriptech.com":          "",
		"https://sandbox.atriptech.com/":         "",
		"https://sandbox.atriptech.com/a/b":      "",
		"https://sandbox.atriptech.com:8443/":    "",
		"http://localhost:8080":                  "",
		"http://127.0.0.1:8080":                  "",
		"http://127.9.9.9":                       "",
		"http://[::1]:8080":                      "",
		"HTTP://LOCALHOST":                       "",
		"http://sandbox.atriptech.com":           "must be https",
		"http://localhost.example.com":           "must be https",
		"http://127.0.0.1.example.com":           "must be https",
		"http://10.0.0.1":                        "must be https",
		"ftp://sandbox.atriptech.com":            "must start with https",
		"sandbox.atriptech.com":                  "must start with https",
		"":                                       "must start with https",
		"https://":                               "has no host",
		"https:///path":                          "has no host",
		"https:sandbox.atriptech.com":            "has no host",
		"https://user:pw@sandbox.atriptech.com/": "user",
		"https://sandbox.atriptech.com/?a=b":     "query",
		"https://sandbox.atriptech.com/?":        "query",
		"https://sandbox.atriptech.com/#a":       "fragment",
		"https://sandbox.atriptech.com:":         "port",
		"https://sandbox.atriptech.com:port":     "is not a URL",
		"https://sandbox.atriptech.com:0":        "port",
		"https://sandbox.atriptech.com:1":        "",
		"https://sandbox.atriptech.com:65535":    "",
		"https://sandbox.atriptech.com:65536":    "port",
		"https://sandbox.atriptech.com/\n":       "is not a URL",
		"{{resolve:ssm:/atlas/url}}":             "unresolved",
	} {
		got, err := atlas.ParseBaseURL(url, false)
		switch {
		case want == "" && (err != nil || got.String() == ""):
			t.Errorf("%q is rejected: %v", url, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: error %v, want one with %q", url, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "pw") || strings.Contains(err.Error(), "atriptech")) {
			t.Errorf("%q: the error quotes the value: %v", url, err)
		}
	}
	if _, err := atlas.ParseBaseURL("http://atlas:8080", true); err != nil {
		t.Errorf("http to any host is rejected although it is allowed: %v", err)
	}
}

func TestParseHosts_Errors(t *testing.T) {
	t.Parallel()
	bad := []string{
		"*", "*.com", "a..b", "https://example.com", "*.*.example.com", "", "exämple.com", "-a.example.com", "a.example.com:443",
	}
	_, err := atlas.ParseHosts("ok.example.com,localhost," + strings.Join(bad, ","))
	if err == nil {
		t.Fatal("no error")
	}
	for _, pattern := range bad {
		if !strings.Contains(err.Error(), strconv.Quote(pattern)) {
			t.Errorf("the error does not name %q: %v", pattern, err)
		}
	}
	if strings.Contains(err.Error(), "ok.example.com") || strings.Contains(err.Error(), "localhost") {
		t.Errorf("the error names a valid pattern: %v", err)
	}
}

// nameOf returns a name below atriptech.com with this many characters.
func nameOf(length int) string {
	name := strings.Repeat("a.", (length-len("atriptech.com"))/2) + "atriptech.com"
	return strings.Repeat("b", length-len(name)) + name
}

func TestClient_URL(t *testing.T) {
	t.Parallel()
	server, client := start(t, false)
	secureServer, secure := start(t, true)
	const no, httpBase, yes = 0, 1, 2 // never, only if the base URL is http, always
	for url, allowed := range map[string]int{
		"https://atriptech.com/": yes, "https://www.atriptech.com/portal?token=a%20b#/order": yes, "HTTPS://ATRIPTECH.COM/x": yes,
		"https://a.b.atriptech.com:443/x": yes, "https://atriptech.com/~a}": yes, "https://atriptech.com/" + strings.Repeat("a", 8192-22): yes,
		server.URL + "/portal": httpBase, strings.Replace(server.URL, "http:", "https:", 1): httpBase,
		"http://www.atriptech.com/portal": httpBase, "http://www.atriptech.com:8080/": httpBase,
		"https://atriptech.com/" + strings.Repeat("a", 8193-22): no,
		"": no, "/portal?token=x": no, "//atriptech.com/": no, "https://": no, "https:atriptech.com": no, "javascript:alert(1)": no,
		"ftp://atriptech.com/": no, "http://www.example.com/": no, "https://atriptech.com.example.com/": no, "https://evilatriptech.com/": no,
		"https://user@atriptech.com/": no, "https://atriptech.com:8443/": no, "https://atriptech.com:80/": no, "https://atriptech.com./": no,
		"https:\\\\atriptech.com/": no, "https://atriptech.com\\@example.com/": no, "https://example.com\\.atriptech.com/": no,
		" https://atriptech.com/": no, "https://atriptech.com/\n": no, "https://atriptech.com/ x": no, "https://atriptech.com/\x7f": no,
		"https://atriptech.com/\\": no, "https://atriptech.com/é": no, "https://atriptech。com/": no, "https://[::1]/": no,
		"https://%61triptech.com.example.com/": no, "https://*.atriptech.com/": no, secureServer.URL + "/": no,
		"https://portal.example.com/": yes, "https://a.portal.example.com/": no, "https://PORTAL.example.com": yes,
		"https://a.below.example.com/": yes, "https://below.example.com/": no, "https://-a.atriptech.com/": no,
		"https://.atriptech.com/": no, "https://a..atriptech.com/": no, "https://x/.atriptech.com": no,
		"https://" + nameOf(253): yes, "https://" + nameOf(254): no,
	} {
		for c, want := range map[*atlas.Client]bool{client: allowed >= httpBase, secure: allowed == yes} {
			server.Always(atlastest.BadURL(url))
			secureServer.Always(atlastest.BadURL(url))
			reply, err := c.GetToken(t.Context(), credentials, request)
			if want && (err != nil || reply.URL.Reveal() != url) {
				t.Errorf("%.60q is not passed on: %v", url, err)
			}
			if !want {
				failure{atlas.ErrMalformed, 0, 200, 0, false}.check(t, err)
			}
		}
	}
}
