package roots_test

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"atriptoken/roots"
)

// What crypto/tls alone does with these must still be done.

func TestServerWithoutANameIsRefused(t *testing.T) {
	t.Parallel()
	_, err := get(t, ":443", serve(t, issue(&system, "leaf", server(nil))), nil)
	if err == nil || !strings.Contains(err.Error(), "ServerName") {
		t.Errorf("got %v; want crypto/tls's refusal, as there is no name to verify", err)
	}
}

func TestVerificationOfTheTransportsOwnIsKept(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused by the transport's own")
	for name, row := range map[string]struct {
		config *tls.Config
		want   string
	}{
		"of the connection": {&tls.Config{VerifyConnection: func(tls.ConnectionState) error { return refused }}, refused.Error()},
		"of the verified chains": {&tls.Config{VerifyPeerCertificate: func(_ [][]byte, chains [][]*x509.Certificate) error {
			if len(chains) == 0 {
				return errors.New("it was given no chain")
			}
			return refused
		}}, refused.Error()},
		"at the time of its clock": {&tls.Config{Time: func() time.Time { return time.Now().Add(48 * time.Hour) }}, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, "example.com", serve(t, issue(&system, "leaf", server(nil))), func(transport *http.Transport) {
				transport.TLSClientConfig = row.config
			})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v; want %q", err, row.want)
			}
		})
	}
}

// oneSession is a cache that hands out its session whatever the host.
type oneSession struct{ tls.ClientSessionCache }

func (c oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.ClientSessionCache.Get("") }
func (c oneSession) Put(_ string, session *tls.ClientSessionState) {
	c.ClientSessionCache.Put("", session)
}

func TestResumedSessionIsVerifiedAnew(t *testing.T) {
	t.Parallel()
	address := serve(t, issue(&system, "leaf", server(nil)))
	sessions := oneSession{tls.NewLRUClientSessionCache(1)}
	resumed := func(name string) (bool, error) {
		transport := &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
			TLSClientConfig: &tls.Config{ClientSessionCache: sessions},
		}
		roots.Install(transport)
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get("https://" + name)
		if err != nil {
			return false, err
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return response.TLS.DidResume, err
	}
	for i, want := range []bool{false, true} {
		if got, err := resumed("example.com"); got != want || err != nil {
			t.Fatalf("connection %d: resumed %v, %v; want %v", i, got, err, want)
		}
	}
	if _, err := resumed("other.example.com"); err == nil || !strings.Contains(err.Error(), "not other.example.com") {
		t.Errorf("got %v; want the session refused for a name that its certificate does not hold", err)
	}
}

// TestFIPSModeRefusesChainsWithOtherKeys runs once more in a process of its
// own, since FIPS mode is set when a process starts.
func TestFIPSModeRefusesChainsWithOtherKeys(t *testing.T) {
	t.Parallel()
	if !fips140.Enabled() {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), "GODEBUG=fips140=on")
		if output, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		if _, err := get(t, "example.com", serve(t, issue(&small, "leaf", server(nil))), nil); err != nil {
			t.Errorf("without FIPS mode: %v", err)
		}
		return
	}
	_, err := get(t, "example.com", serve(t, issue(&small, "leaf", server(nil))), nil)
	var untrusted *tls.CertificateVerificationError
	if !errors.As(err, &untrusted) || !strings.Contains(err.Error(), "FIPS") {
		t.Errorf("got %v; want a CertificateVerificationError that says FIPS", err)
	}
	if _, err := get(t, "example.com", serve(t, issue(&system, "leaf", server(nil))), nil); err != nil {
		t.Errorf("a chain of allowed keys: %v", err)
	}
}
