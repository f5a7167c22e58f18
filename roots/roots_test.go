package roots_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atriptoken/roots"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// The roots that TestMain puts into the system's bundle; FIPS mode allows no
// key as small as the second's.
var system, small authority

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "roots")
	if err != nil {
		log.Fatal(err)
	}
	system = issue(nil, "example root", func(c *x509.Certificate) {})
	small = issueWith(elliptic.P224(), nil, "small root", func(*x509.Certificate) {})
	var bundle []byte
	for _, root := range []authority{small, issue(nil, "another root", func(*x509.Certificate) {}), system} {
		bundle = append(bundle, "# a comment, as distributions have them\n"...)
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.certificate.Raw})...)
	}
	file := filepath.Join(dir, "bundle.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		log.Fatal(err)
	}
	// Both are read once in a process, so they are set for all tests.
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", filepath.Join(dir, "none"))
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// issue makes a certificate; without a parent it signs itself.
func issue(parent *authority, name string, change func(*x509.Certificate)) authority {
	return issueWith(elliptic.P256(), parent, name, change)
}

func issueWith(curve elliptic.Curve, parent *authority, name string, change func(*x509.Certificate)) authority {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	change(template)
	signer := authority{template, key}
	if parent != nil {
		signer = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, &key.PublicKey, signer.key)
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return authority{certificate, key}
}

func server(change func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = false, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.DNSNames, c.IPAddresses = []string{"example.com"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		if change != nil {
			change(c)
		}
	}
}

// serve starts a server with the chain, leaf first, and returns its address.
func serve(t *testing.T, chain ...authority) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	pair := tls.Certificate{PrivateKey: chain[0].key}
	for _, link := range chain {
		pair.Certificate = append(pair.Certificate, link.certificate.Raw)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// get calls https://name at the address.
func get(t *testing.T, name, address string, change func(*http.Transport)) (string, error) {
	t.Helper()
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	if change != nil {
		change(transport)
	}
	roots.Install(transport)
	t.Cleanup(transport.CloseIdleConnections)
	response, err := (&http.Client{Transport: transport}).Get("https://" + name)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestServersThatAreTrusted(t *testing.T) {
	t.Parallel()
	middle := issue(&system, "example intermediate", func(*x509.Certificate) {})
	for name, row := range map[string]struct {
		host  string
		chain []authority
	}{
		"by name, issued by a root":            {"example.com", []authority{issue(&system, "leaf", server(nil))}},
		"by address":                           {"127.0.0.1", []authority{issue(&system, "leaf", server(nil))}},
		"issued by an intermediate":            {"example.com", []authority{issue(&middle, "leaf", server(nil)), middle}},
		"with the root itself sent along":      {"example.com", []authority{issue(&middle, "leaf", server(nil)), middle, system}},
		"with an unrelated certificate beside": {"example.com", []authority{issue(&system, "leaf", server(nil)), issue(nil, "stranger", func(*x509.Certificate) {})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := get(t, row.host, serve(t, row.chain...), nil)
			if err != nil || got != "HTTP/2.0" {
				t.Errorf("got %q, %v; want an answer over HTTP/2.0", got, err)
			}
		})
	}
}

func TestServersThatAreNotTrusted(t *testing.T) {
	t.Parallel()
	middle := issue(&system, "example intermediate", func(*x509.Certificate) {})
	impostor := issue(nil, "example root", func(*x509.Certificate) {})
	noCA := issue(&system, "example intermediate", func(c *x509.Certificate) { c.IsCA = false; c.KeyUsage = x509.KeyUsageDigitalSignature })
	for name, row := range map[string]struct {
		host  string
		chain []authority
		want  string
	}{
		"another name":                    {"other.example.com", []authority{issue(&system, "leaf", server(nil))}, "not other.example.com"},
		"another address":                 {"127.0.0.2", []authority{issue(&system, "leaf", server(nil))}, "not 127.0.0.2"},
		"expired":                         {"example.com", []authority{issue(&system, "leaf", server(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))}, "expired"},
		"not for servers":                 {"example.com", []authority{issue(&system, "leaf", server(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }))}, "incompatible key usage"},
		"signed by itself":                {"example.com", []authority{issue(nil, "leaf", server(nil))}, "unknown authority"},
		"a root that only has the name":   {"example.com", []authority{issue(&impostor, "leaf", server(nil)), impostor}, "unknown authority"},
		"without its intermediate":        {"example.com", []authority{issue(&middle, "leaf", server(nil))}, "unknown authority"},
		"an intermediate that may not be": {"example.com", []authority{issue(&noCA, "leaf", server(nil)), noCA}, "cannot sign"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, row.host, serve(t, row.chain...), nil)
			var untrusted *tls.CertificateVerificationError
			if !errors.As(err, &untrusted) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v; want a CertificateVerificationError that says %q", err, row.want)
			}
		})
	}
}

func TestTransportWithRootsOfItsOwnKeepsThem(t *testing.T) {
	t.Parallel()
	private := issue(nil, "private root", func(*x509.Certificate) {})
	own := func(transport *http.Transport) {
		pool := x509.NewCertPool()
		pool.AddCert(private.certificate)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	if _, err := get(t, "example.com", serve(t, issue(&private, "leaf", server(nil))), own); err != nil {
		t.Errorf("a server of the private root: %v", err)
	}
	if _, err := get(t, "example.com", serve(t, issue(&system, "leaf", server(nil))), own); err == nil {
		t.Error("a server of the system's root was trusted, which the transport's own roots do not include")
	}
}

func TestHandshakeIsBounded(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	_, err = get(t, "example.com", silent.Addr().String(), func(transport *http.Transport) {
		transport.TLSHandshakeTimeout = 20 * time.Millisecond
	})
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v; want a timeout, as the server never speaks", err)
	}
}
