package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"strings"
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
	all := bundle() // TestMain's: three roots
	if len(all) != 3 {
		t.Fatalf("%d roots; want 3", len(all))
	}
	root, err := x509.ParseCertificate(all[len(all)-1])
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	want.AddCert(root)
	if got := candidates([]*x509.Certificate{root}); !got.Equal(want) {
		t.Error("the pool is not that one root")
	}
}

func TestBundleIsReadWhereCryptoX509ReadsIt(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		system, file string
		want         []string
	}{
		"on Linux":                                       {"linux", "", files},
		"SSL_CERT_FILE in place of those":                {"linux", "/example.pem", []string{"/example.pem"}},
		"nowhere on macOS, which has no such bundle":     {"darwin", "", nil},
		"nowhere on macOS, which heeds no SSL_CERT_FILE": {"darwin", "/example.pem", nil},
	} {
		if got := places(row.system, row.file); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func TestBundleThatIsNotPlainIsLeftToCryptoX509(t *testing.T) {
	t.Parallel()
	const good = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	if got := decode([]byte("# a comment\n" + good + "\n" + good)); len(got) != 2 {
		t.Fatalf("a plain bundle: got %q, want two certificates", got)
	}
	for name, bundle := range map[string]string{
		"a certificate that is commented out": good + "#" + good,
		"more behind the end":                 good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE----- off\n",
		"an end inside a line":                good + "-----BEGIN CERTIFICATE-----\nAAAA-----END CERTIFICATE-----\n",
		"more behind the beginning":           good + "-----BEGIN CERTIFICATE-----AAAA\nAAAA\n-----END CERTIFICATE-----\n",
		"another kind of block":               "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n" + good,
		"an end that pem stops at":            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----: off\n" + good,
		"headers":                             "-----BEGIN CERTIFICATE-----\nA: b\n\nAAAA\n-----END CERTIFICATE-----\n" + good,
		"not base64":                          "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n" + good,
		"no end":                              good + "-----BEGIN CERTIFICATE-----\nAAAA\n",
		"lines of another system":             strings.ReplaceAll(good, "\n", "\r\n"),
	} {
		if got := decode([]byte(bundle)); got != nil {
			t.Errorf("%s: got %q, want nothing", name, got)
		}
	}
}

// FuzzDecode: of any text decode reads what encoding/pem, and so crypto/x509,
// reads, or nothing at all.
func FuzzDecode(f *testing.F) {
	const good = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	f.Add([]byte("# comment\n" + good + good))
	f.Add([]byte("#" + good))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----: \n" + good))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nA: b\n\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN X-----\n" + good + "-----END X-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all := decode(text)
		if all == nil {
			return
		}
		rest := text
		for i, got := range all {
			var block *pem.Block
			block, rest = pem.Decode(rest)
			if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) != 0 || !bytes.Equal(got, block.Bytes) {
				t.Fatalf("%q: certificate %d is %q, not what encoding/pem reads: %v", text, i, got, block)
			}
		}
		if block, _ := pem.Decode(rest); block != nil {
			t.Errorf("%q: %d certificates found, and there are more", text, len(all))
		}
	})
}

// BenchmarkDecode is what a process pays once; crypto/x509's AppendCertsFromPEM
// takes seven times as long over the same bundle, encoding/pem twice as long.
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
