// Package roots verifies TLS servers against the system's root certificates,
// of which it parses only those that a server's chain can end in.
//
// crypto/x509 parses the whole bundle, some 150 certificates, before it
// verifies the first chain: 4 ms of processor time, which was two fifths of
// this function's start. What is accepted is the same: a chain that is verified
// with some of the system's roots is one that verifies with all of them, and
// one that is not is handed to crypto/x509 as it stands.
package roots

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
)

// Install has the transport verify the servers that it dials in this way.
// Connections through an HTTP proxy's tunnel are verified by crypto/tls as
// ever, and so are those of a transport whose TLSClientConfig verifies in a way
// of its own (see plain).
//
// It comes last: a copy (Transport.Clone) dials with the settings of the
// transport that Install was given, whatever becomes of its own.
func Install(t *http.Transport) {
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		config := new(tls.Config)
		if t.TLSClientConfig != nil {
			config = t.TLSClientConfig.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = host
		}
		if plain(config) {
			verifyBy(config)
		}
		dial := t.DialContext
		if dial == nil {
			dial = new(net.Dialer).DialContext
		}
		stream, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if t.TLSHandshakeTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, t.TLSHandshakeTimeout)
			defer cancel()
		}
		conn := tls.Client(stream, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = stream.Close()
			return nil, err
		}
		return conn, nil
	}
}

// plain tells whether crypto/tls would verify a server by its name, the
// system's roots and the time alone. What it would do besides is left to it:
// roots, a clock or verification of the transport's own, which may want the
// verified chains; in FIPS mode the refusal of chains with keys that the
// standard does not allow; and the refusal to connect without a name.
func plain(config *tls.Config) bool {
	return config.ServerName != "" && config.RootCAs == nil && config.Time == nil && !config.InsecureSkipVerify &&
		config.VerifyPeerCertificate == nil && config.VerifyConnection == nil && !fips140.Enabled()
}

// verifyBy puts this package's verification in the place of crypto/tls's,
// which InsecureSkipVerify turns off; the server's name is config.ServerName,
// since a connection's state does not hold one that is an IP address.
func verifyBy(config *tls.Config) {
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return verify(state.PeerCertificates, x509.VerifyOptions{DNSName: config.ServerName})
	}
}

// verify checks the chain, leaf first, as crypto/tls does with these options.
func verify(chain []*x509.Certificate, options x509.VerifyOptions) error {
	options.Intermediates = x509.NewCertPool()
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	options.Roots = candidates(chain)
	if _, err := chain[0].Verify(options); err == nil {
		return nil
	}
	options.Roots = nil // the system's, all of them
	if _, err := chain[0].Verify(options); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

// candidates are the roots in the system's bundle that bear the name of an
// issuer in the chain.
func candidates(chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, root := range bundle() {
		// Wherever the name stands in it: what is not a root by that name does
		// no harm among the candidates.
		if !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return bytes.Contains(root, ending(c.RawIssuer)) }) {
			continue
		}
		if parsed, err := x509.ParseCertificate(root); err == nil {
			pool.AddCert(parsed)
		}
	}
	return pool
}

// ending is the part of a name that tells it from others best, and is short
// enough for bytes.Contains to search for it fast.
func ending(name []byte) []byte { return name[max(0, len(name)-32):] }

// files are where crypto/x509 looks first on the systems that the function
// runs on: Amazon Linux keeps the second, Debian the first.
var files = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}

// places are where crypto/x509 looks for a bundle on the operating system
// (a GOOS), given the value of SSL_CERT_FILE. Elsewhere than on Linux it may
// ask the system to verify a chain, and heed no file at all.
func places(system, file string) []string {
	switch {
	case system != "linux":
		return nil
	case file != "":
		return []string{file}
	default:
		return files
	}
}

// bundle is the system's bundle, read once, each certificate in DER; empty when
// there is none, which leaves every chain to crypto/x509.
var bundle = sync.OnceValue(func() [][]byte {
	for _, file := range places(runtime.GOOS, os.Getenv("SSL_CERT_FILE")) {
		if text, err := os.ReadFile(file); err == nil {
			return decode(text)
		}
	}
	return nil
})

var (
	dashes = []byte("-----")
	begin  = []byte("-----BEGIN CERTIFICATE-----\n")
	end    = []byte("-----END CERTIFICATE-----\n")
)

// decode returns the DER of each certificate in a PEM text, in order, or
// nothing when there is more in it than comments and certificates, each of
// their lines whole. So it reads what encoding/pem would, in half the time, and
// never a certificate that encoding/pem would pass over.
func decode(text []byte) [][]byte {
	var certificates [][]byte
	room := make([]byte, 0, base64.StdEncoding.DecodedLen(len(text)))
	for {
		comment, rest, found := bytes.Cut(text, begin)
		if bytes.Contains(comment, dashes) {
			return nil
		}
		if !found {
			return certificates
		}
		encoded, after, ended := bytes.Cut(rest, end)
		if !ended || !wholeLines(comment) || !wholeLines(encoded) {
			return nil
		}
		all, err := base64.StdEncoding.AppendDecode(room, encoded)
		if err != nil {
			return nil
		}
		certificates = append(certificates, all[len(room):len(all):len(all)])
		text, room = after, all
	}
}

// wholeLines tells whether what follows the text starts a line.
func wholeLines(text []byte) bool { return len(text) == 0 || text[len(text)-1] == '\n' }
