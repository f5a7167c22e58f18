package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
)

// certificates is what encoding/pem makes of a bundle.
func certificates(text []byte) [][]byte {
	var all [][]byte
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all
		}
		if block.Type == "CERTIFICATE" && len(block.Headers) == 0 {
			all = append(all, block.Bytes)
		}
	}
}

func TestDecodeReadsTheSystemsBundleAsEncodingPEMDoes(t *testing.T) {
	t.Parallel()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		got, want := decode(text), certificates(text)
		if len(got) != len(want) || len(want) == 0 {
			t.Fatalf("%s: %d certificates, encoding/pem finds %d", file, len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: certificate %d differs from encoding/pem's", file, i)
			}
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

// FuzzDecode: whatever stands around it, an encoded certificate is found, and
// no text makes decode panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("# comment\n"), []byte("der"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA"), []byte{})
	f.Add([]byte("-----END CERTIFICATE-----"), []byte{0x30, 0x82})
	f.Fuzz(func(t *testing.T, before, der []byte) {
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		decode(append(bytes.Clone(before), block...))
		if bytes.Contains(before, begin) {
			return // an unfinished certificate may swallow what follows
		}
		all := decode(append(append(bytes.Clone(before), '\n'), block...))
		if len(all) == 0 || !bytes.Equal(all[len(all)-1], der) {
			t.Errorf("%q behind %q was not found: %q", der, before, all)
		}
	})
}

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
