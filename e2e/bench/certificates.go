package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is the certificate authority of one run. The upstreams' chain has
// an intermediate, as those on the internet have.
type authority struct {
	dir string
	// root is a file with the root alone; bundle is one with the system's roots
	// before it, so that a subject pays for reading as many as it does on Lambda.
	root, bundle string
	// empty is a directory without certificates, for SSL_CERT_DIR.
	empty string
	// pair is what the upstreams present.
	pair tls.Certificate
}

// systemBundles are where distributions keep their root certificates, Amazon
// Linux's second.
var systemBundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// newAuthority makes the certificates and writes what the subjects need into dir.
func newAuthority(dir string) (*authority, error) {
	root, rootKey, err := issue("bench root", nil, nil)
	if err != nil {
		return nil, err
	}
	middle, middleKey, err := issue("bench intermediate", root, rootKey)
	if err != nil {
		return nil, err
	}
	leaf, leafKey, err := issue("127.0.0.1", middle, middleKey)
	if err != nil {
		return nil, err
	}
	a := &authority{
		dir:  dir,
		root: filepath.Join(dir, "root.pem"), bundle: filepath.Join(dir, "bundle.pem"), empty: filepath.Join(dir, "no-certificates"),
		pair: tls.Certificate{Certificate: [][]byte{leaf.Raw, middle.Raw}, PrivateKey: leafKey},
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	if err := os.WriteFile(a.root, text, 0o644); err != nil {
		return nil, err
	}
	var roots []byte
	for _, file := range systemBundles {
		if roots, err = os.ReadFile(file); err == nil {
			break
		}
	}
	if err := os.WriteFile(a.bundle, append(roots, text...), 0o644); err != nil {
		return nil, err
	}
	return a, os.MkdirAll(a.empty, 0o755)
}

// issue makes a certificate: a root without a parent, an intermediate or a
// leaf with one, told by whether the name is an address.
func issue(name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	} else {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}
