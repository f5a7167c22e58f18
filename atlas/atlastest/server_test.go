package atlastest_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

// hosted serves the Handler of a simulator made by New with a server of the
// test's own, under base. It returns the simulator and the host:port.
func hosted(t *testing.T, host *http.Server, base string) (*atlastest.Server, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := atlastest.New(&atlastest.Options{PublicURL: "http://" + listener.Addr().String() + base + "/"})
	if err != nil {
		t.Fatal(err)
	}
	host.Handler = server.Handler()
	served := make(chan error, 1)
	go func() { served <- host.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		host.Close()
		<-served
	})
	return server, listener.Addr().String()
}

func TestNewNamesWhatIsWrongWithThePublicURL(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]string{
		"":                              "needs Options.PublicURL",
		"127.0.0.1:80":                  "PublicURL",
		"example.com":                   "not an absolute http or https URL",
		"ftp://example.com":             "not an absolute http or https URL",
		"https://":                      "not an absolute http or https URL",
		"https://a:b@example.com":       "user information, a query or a fragment",
		"https://example.com/?a=b":      "user information, a query or a fragment",
		"https://example.com/#fragment": "user information, a query or a fragment",
	} {
		_, err := atlastest.New(&atlastest.Options{PublicURL: publicURL})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with %q: error %v, want %q", publicURL, err, want)
		}
	}
}

func TestNewServerPanicsWhenItCannotListen(t *testing.T) {
	t.Parallel()
	taken := start(t, nil)
	for name, o := range map[string]*atlastest.Options{
		"address taken":  {Addr: strings.TrimPrefix(taken.URL, "http://")},
		"bad public URL": {PublicURL: "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			atlastest.NewServer(o).Close()
		})
	}
}

func TestTLSServersSpeakHTTP2ToClientsThatTrustThem(t *testing.T) {
	t.Parallel()
	server := start(t, &atlastest.Options{TLS: true})
	if !strings.HasPrefix(server.URL, "https://") || server.CertPool() == nil || !strings.HasPrefix(string(server.CertificatePEM()), "-----BEGIN CERTIFICATE-----") {
		t.Fatalf("URL %s, pool %v, PEM %q", server.URL, server.CertPool(), server.CertificatePEM())
	}
	answer, _ := do(t, server, newRequest(t, server, validBody))
	if answer.Proto != "HTTP/2.0" || server.Requests()[0].Proto != "HTTP/2.0" {
		t.Errorf("answer by %s, call by %s; want HTTP/2.0", answer.Proto, server.Requests()[0].Proto)
	}
	if _, err := (&http.Client{Transport: &http.Transport{}}).Do(newRequest(t, server, validBody)); err == nil {
		t.Error("a client without the certificate was served")
	}
}

func TestPlainServersHaveNoCertificate(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	if server.Certificate() != nil || server.CertPool() != nil || server.CertificatePEM() != nil {
		t.Error("a certificate without TLS")
	}
}

func TestCloseMayBeCalledTwice(t *testing.T) {
	t.Parallel()
	server := atlastest.NewServer(nil)
	server.Close()
	server.Close()
	if _, err := http.Get(server.URL); err == nil {
		t.Error("a closed server answered")
	}
}
