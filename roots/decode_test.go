package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
)

func TestDecodeReadsTheSystemsBundleAsEncodingPEMDoes(t *testing.T) {
	t.Parallel()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		all := decode(text)
		for i, got := range all {
			var block *pem.Block
			if block, text = pem.Decode(text); block == nil || !bytes.Equal(got, block.Bytes) {
				t.Fatalf("%s: certificate %d is not what encoding/pem reads", file, i)
			}
		}
		if rest, _ := pem.Decode(text); rest != nil || len(all) == 0 {
			t.Errorf("%s: %d certificates found, and there are more", file, len(all))
		}
	}
}

func TestCandidatesAreTheIssuersAlone(t *testing.T) {
	t.Parallel()
	all := bundle() // TestMain's: two roots
	root, err := x509.ParseCertificate(all[len(all)-1])
	if err != nil || len(all) != 2 {
		t.Fatalf("%d roots, %v; want 2", len(all), err)
	}
	want := x509.NewCertPool()
	want.AddCert(root)
	if got := candidates([]*x509.Certificate{root}); !got.Equal(want) {
		t.Error("the pool is not that one root")
	}
}

// FuzzDecode: whatever stands before it, an encoded certificate is found, and
// no text makes decode panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("# comment\n"), []byte("der"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA"), []byte{})
	f.Add([]byte("-----END CERTIFICATE-----"), []byte{0x30, 0x82})
	f.Fuzz(func(t *testing.T, before, der []byte) {
		all := decode(append(append(bytes.Clone(before), '\n'), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...))
		if bytes.Contains(before, begin) {
			return // an unfinished certificate may swallow what follows
		}
		if len(all) == 0 || !bytes.Equal(all[len(all)-1], der) {
			t.Errorf("%q behind %q was not found: %q", der, before, all)
		}
	})
}

// BenchmarkDecode is what a process pays once; crypto/x509's AppendCertsFromPEM
// takes seven times as long over the same bundle.
func BenchmarkDecode(b *testing.B) {
	text, err := os.ReadFile(files[0])
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		decode(text)
	}
}

// BenchmarkCandidates is what each connection pays besides its handshake.
func BenchmarkCandidates(b *testing.B) {
	root, err := x509.ParseCertificate(bundle()[1])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		candidates([]*x509.Certificate{root})
	}
}
