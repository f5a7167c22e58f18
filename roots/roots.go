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
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
)

// Install has the transport verify the servers that it dials in this way. A
// transport with roots of its own (TLSClientConfig.RootCAs), and connections
// through an HTTP proxy's tunnel, are verified by crypto/tls as ever.
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
		if config.RootCAs == nil && !config.InsecureSkipVerify {
			verifyBy(config)
		}
		dial := t.DialContext
		if dial == nil {
			dial = new(net.Dialer).DialContext
		}
		plain, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if t.TLSHandshakeTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, t.TLSHandshakeTimeout)
			defer cancel()
		}
		conn := tls.Client(plain, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		return conn, nil
	}
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

// bundle is the system's bundle, read once, each certificate in DER; empty when
// there is none, which leaves every chain to crypto/x509.
var bundle = sync.OnceValue(func() [][]byte {
	look := files
	if file := os.Getenv("SSL_CERT_FILE"); file != "" { // as crypto/x509 does
		look = []string{file}
	}
	for _, file := range look {
		if text, err := os.ReadFile(file); err == nil {
			return decode(text)
		}
	}
	return nil
})

var (
	begin = []byte("-----BEGIN CERTIFICATE-----\n")
	end   = []byte("-----END CERTIFICATE-----")
)

// decode returns the DER of each certificate in a PEM text, in order. What does
// not decode is left out.
func decode(text []byte) [][]byte {
	var certificates [][]byte
	room := make([]byte, 0, base64.StdEncoding.DecodedLen(len(text)))
	for {
		_, rest, found := bytes.Cut(text, begin)
		encoded, after, ended := bytes.Cut(rest, end)
		if !found || !ended {
			return certificates
		}
		text = after
		if all, err := base64.StdEncoding.AppendDecode(room, encoded); err == nil {
			certificates = append(certificates, all[len(room):len(all):len(all)])
			room = all
		}
	}
}
