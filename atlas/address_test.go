package atlas_test

import (
	"strconv"
	"strings"
	"testing"

	"atriptoken/atlas"
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

func TestHosts_Allow(t *testing.T) {
	t.Parallel()
	hosts, err := atlas.ParseHosts(" atriptech.com , *.Atriptech.com,portal.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"atriptech.com": true, "ATRIPTECH.com": true, "www.atriptech.com": true, "a.b.atriptech.com": true, "portal.example.com": true,
		"": false, "example.com": false, "a.portal.example.com": false, "evilatriptech.com": false, "atriptech.com.example.com": false,
		".atriptech.com": false, "atriptech.com.": false, "a..atriptech.com": false, "аtriptech.com": false, "x/.atriptech.com": false,
		"atriptech.com:443": false, "-a.atriptech.com": false, "*.atriptech.com": false,
	} {
		if got := hosts.Allow(host); got != want {
			t.Errorf("Allow(%q) = %v, want %v", host, got, want)
		}
	}
	only, err := atlas.ParseHosts("*.atriptech.com")
	if err != nil || only.Allow("atriptech.com") || !only.Allow("www.atriptech.com") {
		t.Errorf("*.atriptech.com must match names below atriptech.com only (%v)", err)
	}
	for length, want := range map[int]bool{253: true, 254: false} {
		name := strings.Repeat("a.", (length-len("atriptech.com"))/2) + "atriptech.com"
		if name = strings.Repeat("b", length-len(name)) + name; hosts.Allow(name) != want {
			t.Errorf("a name of %d characters: %v, want %v", len(name), !want, want)
		}
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
