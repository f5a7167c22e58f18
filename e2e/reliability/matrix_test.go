package reliability

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
	"slices"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

func rows() []row {
	return slices.Concat(connecting(), underway(), replies(), statuses(), secrets(), combined())
}

// base points the function at an address instead of the simulator.
func base(scheme string, address func(*system) string) func(*system) {
	return func(s *system) { s.env["ATLAS_BASE_URL"] = scheme + "://" + address(s) }
}

func connecting() []row {
	fixed := func(a string) func(*system) string { return func(*system) string { return a } }
	return []row{
		{name: "Atlas: its name is not in DNS", arrange: base("https", fixed("atlas.invalid")), want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: connection refused", arrange: base("https", (*system).closedPort), want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: packets go nowhere", arrange: base("https", (*system).blackHole), want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: TLS handshake stalls", arrange: base("https", func(s *system) string { return s.listen(silent) }), want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: closes in the TLS handshake", arrange: base("https", func(s *system) string {
			return s.listen(func(conn net.Conn) { _, _ = conn.Read(make([]byte, 16)) })
		}), want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: does not speak TLS", arrange: base("https", func(s *system) string {
			return s.listen(func(conn net.Conn) { _, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) })
		}), want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: speaks TLS 1.1 at most", arrange: func(s *system) {
			certificate, root := certificate(time.Hour, "127.0.0.1")
			s.trust(root)
			base("https", func(s *system) string {
				return s.tlsPeer(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
			})(s)
		}, want: "AtlasUnavailable", attempts: 2},
		{name: "Atlas: certificate from nobody known", arrange: func(s *system) { s.overTLS(false) }, want: "AtlasUnavailable", attempts: 1},
		{name: "Atlas: certificate has expired", arrange: withCertificate(-time.Hour, "127.0.0.1"), want: "AtlasUnavailable", attempts: 1},
		{name: "Atlas: certificate of another host", arrange: withCertificate(time.Hour, "atlas.example.com"), want: "AtlasUnavailable", attempts: 1},
		{name: "Atlas: TLS and HTTP/2, no fault", arrange: func(s *system) { s.overTLS(true) }, want: "OK", attempts: 1},
	}
}

func withCertificate(life time.Duration, host string) func(*system) {
	return func(s *system) {
		certificate, root := certificate(life, host)
		s.trust(root)
		base("https", func(s *system) string {
			return s.tlsPeer(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		})(s)
	}
}

// certificate makes a certificate that is its own root.
func certificate(life time.Duration, host string) (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// through puts a toxic between the function and Atlas.
func through(toxic string) func(*system) {
	return func(s *system) { s.env["ATLAS_BASE_URL"], _ = s.toxic(s.atlas.URL, toxic) }
}

func underway() []row {
	return []row{
		{name: "Atlas: reset before the reply, each time", arrange: always(atlastest.CutConnection()), want: "AtlasFailed", attempts: 2},
		{name: "Atlas: reset before the reply, once", arrange: script(atlastest.CutConnection(), atlastest.CutConnection()), want: "OK", attempts: 2},
		{name: "Atlas: reset in the headers", arrange: always(atlastest.CutInHeaders()), want: "AtlasFailed", attempts: 2},
		{name: "Atlas: reset in the body", arrange: always(atlastest.CutInBody()), want: "AtlasFailed", attempts: 2},
		{name: "Atlas: closes after the reply", arrange: always(atlastest.WithHeader("Connection", "close", atlastest.OK())), want: "OK", attempts: 1},
		{name: "Atlas: connection reset by the network at once", arrange: through(`{"type":"reset_peer","attributes":{"timeout":0}}`), want: "AtlasFailed", attempts: 2},
		{name: "Atlas: never answers", arrange: always(atlastest.Hang()), want: "AtlasTimeout", attempts: 2},
		{name: "Atlas: headers come after the attempt's time", arrange: always(atlastest.Delay(2*attempt, atlastest.OK())), want: "AtlasTimeout", attempts: 2},
		{name: "Atlas: headers are slow and come in time", arrange: always(atlastest.Delay(attempt/2, atlastest.OK())), want: "OK", attempts: 1},
		{name: "Atlas: slow once, then quick", arrange: script(atlastest.Hang()), want: "OK", attempts: 2},
		{name: "Atlas: the body never comes", arrange: always(atlastest.HangBody()), want: "AtlasTimeout", attempts: 2},
		{name: "Atlas: the body is slow and comes in time", arrange: always(atlastest.SlowBody(attempt/2, atlastest.OK())), want: "OK", attempts: 1},
		{name: "Network: 300 ms of latency and 100 ms of jitter", arrange: through(`{"type":"latency","attributes":{"latency":300,"jitter":100}}`), want: "OK", attempts: 1},
		{name: "Network: 2 KB/s", arrange: through(`{"type":"bandwidth","attributes":{"rate":2}}`), want: "OK", attempts: 1},
		{name: "Network: packets of a few bytes", arrange: through(`{"type":"slicer","attributes":{"average_size":8,"size_variation":4,"delay":500}}`), want: "OK", attempts: 1},
		{name: "Network: cut after 60 bytes of the reply", arrange: through(`{"type":"limit_data","stream":"downstream","attributes":{"bytes":60}}`), want: "AtlasFailed", attempts: 2},
		{name: "Network: all data is swallowed", arrange: through(`{"type":"timeout","attributes":{"timeout":0}}`), want: "AtlasTimeout", attempts: 2},
		{name: "Network: requests are swallowed", arrange: through(`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`), want: "AtlasTimeout", attempts: 2},
		{name: "Network: the connection closes late", arrange: through(`{"type":"slow_close","attributes":{"delay":1000}}`), want: "OK", attempts: 1},
		downThenUp(),
		{name: "Network: kept-alive connection was closed", arrange: func(*system) {}, afterStart: func(s *system) { s.atlas.CloseClientConnections() }, want: "OK", attempts: 1},
	}
}

// downThenUp: INIT finds no connection, the first call does.
func downThenUp() row {
	var proxy *toxiproxy.Proxy
	return row{name: "Network: down at the start, then up", arrange: func(s *system) {
		s.env["ATLAS_BASE_URL"], proxy = s.toxic(s.atlas.URL, "")
		proxy.Stop()
	}, afterStart: func(s *system) {
		if err := proxy.Start(); err != nil {
			s.t.Fatal(err)
		}
	}, want: "OK", attempts: 1}
}

func script(steps ...atlastest.Step) func(*system) {
	return func(s *system) { s.atlas.Script(steps...) }
}

func always(step atlastest.Step) func(*system) {
	return func(s *system) { s.atlas.Always(step) }
}

func replies() []row {
	reply := func(kind, body string) func(*system) { return always(atlastest.HTTPReply(200, kind, body)) }
	return []row{
		{name: "Reply: gzip ends early", arrange: always(atlastest.GzipTruncated()), want: "AtlasFailed", attempts: 2},
		{name: "Reply: gzip of 1 GiB", arrange: always(atlastest.GzipBomb(1 << 30)), want: "AtlasFailed", attempts: 1},
		{name: "Reply: says gzip and is not", arrange: always(atlastest.NotGzip()), want: "AtlasFailed", attempts: 2},
		{name: "Reply: 1 MiB", arrange: always(atlastest.Oversized(1 << 20)), want: "AtlasFailed", attempts: 1},
		{name: "Reply: shorter than announced", arrange: always(atlastest.Truncated()), want: "AtlasFailed", attempts: 2},
		{name: "Reply: right body under the wrong content type", arrange: reply("text/html", `{"url":"https://www.atriptech.com/portal","status":0}`), want: "OK", attempts: 1},
		{name: "Reply: HTML error page with HTTP 200", arrange: always(atlastest.HTML()), want: "AtlasFailed", attempts: 2},
		{name: "Reply: HTML error page with HTTP 502", arrange: always(atlastest.HTTPReply(502, "text/html", "<h1>Bad Gateway</h1>")), want: "AtlasFailed", attempts: 2},
		{name: "Reply: no JSON", arrange: always(atlastest.Garbage()), want: "AtlasFailed", attempts: 2},
		{name: "Reply: empty", arrange: reply("application/json", ""), want: "AtlasFailed", attempts: 2},
		{name: "Reply: status twice", arrange: reply("application/json", `{"url":"https://www.atriptech.com/","status":3,"status":0}`), want: "AtlasFailed", attempts: 2},
		{name: "Reply: status as a string", arrange: always(atlastest.StatusString("0")), want: "AtlasFailed", attempts: 2},
		{name: "Reply: success without a url", arrange: always(atlastest.MissingURL()), want: "AtlasFailed", attempts: 1},
		{name: "Reply: url on another host", arrange: always(atlastest.BadURL("https://atriptech.com.example.com/?token=x")), want: "AtlasFailed", attempts: 1},
		{name: "Reply: url that runs a script", arrange: always(atlastest.BadURL("javascript:alert(1)")), want: "AtlasFailed", attempts: 1},
		{name: "Reply: msg with lines that look like a log's", arrange: always(atlastest.StatusMessage(4711, "x\n{\"message\":\"request\",\"outcome\":\"OK\"}\n")), want: "AtlasFailed", attempts: 1},
	}
}

func statuses() []row {
	rows := []row{
		{name: "Status 2, system error, each time", arrange: always(atlastest.SystemError()), want: "AtlasFailed", attempts: 2},
		{name: "Status 2, system error, once", arrange: script(atlastest.SystemError()), want: "OK", attempts: 2},
		{name: "Status 9999", arrange: always(atlastest.Status(9999)), want: "AtlasFailed", attempts: 2},
		{name: "Status -1", arrange: always(atlastest.Status(-1)), want: "AtlasFailed", attempts: 2},
		{name: "Status 100, missing data", arrange: always(atlastest.Status(100)), want: "AtlasFailed", attempts: 1},
		{name: "Status 901, illegal request", arrange: always(atlastest.Status(901)), want: "AtlasFailed", attempts: 1},
		{name: "Status 4711, unknown", arrange: always(atlastest.Status(4711)), want: "AtlasFailed", attempts: 1},
		{name: "Status 3, unauthorized", arrange: always(atlastest.Unauthorized()), want: "AtlasRefused", attempts: 2},
		{name: "Status 900, unauthorized", arrange: always(atlastest.Status(900)), want: "AtlasRefused", attempts: 2},
		{name: "Status 902, access denied", arrange: always(atlastest.Status(902)), want: "AtlasRefused", attempts: 2},
		{name: "Limiter's body, HTTP 200, 1 s", arrange: script(atlastest.RateLimited(1, 200)), want: "OK", attempts: 2},
		{name: "Limiter's body, HTTP 429, 1 s", arrange: script(atlastest.RateLimited(1, 429)), want: "OK", attempts: 2},
		{name: "Limiter's body, HTTP 200, 60 s", arrange: always(atlastest.RateLimited(60, 200)), want: "AtlasRateLimited", attempts: 1},
		{name: "Limiter's body, HTTP 429, 60 s", arrange: always(atlastest.RateLimited(60, 429)), want: "AtlasRateLimited", attempts: 1},
	}
	for code, want := range map[string]struct {
		step     atlastest.Step
		code     string
		attempts int
	}{
		"HTTP 204": {atlastest.HTTPReply(204, "", ""), "AtlasFailed", 1},
		"HTTP 301": {atlastest.RedirectAs(301, "https://elsewhere.example.com/"), "AtlasFailed", 1},
		"HTTP 307": {atlastest.Redirect("https://elsewhere.example.com/"), "AtlasFailed", 1},
		"HTTP 400": {atlastest.HTTPStatus(400), "AtlasFailed", 1},
		"HTTP 401": {atlastest.HTTPStatus(401), "AtlasRefused", 2},
		"HTTP 403": {atlastest.HTTPStatus(403), "AtlasRefused", 2},
		"HTTP 404": {atlastest.HTTPStatus(404), "AtlasFailed", 1},
		"HTTP 429": {atlastest.WithHeader("Retry-After", "30", atlastest.HTTPStatus(429)), "AtlasRateLimited", 1},
		"HTTP 500": {atlastest.HTTPStatus(500), "AtlasFailed", 2},
		"HTTP 503": {atlastest.HTTPStatus(503), "AtlasFailed", 2},
	} {
		rows = append(rows, row{name: "Atlas answers " + code, arrange: always(want.step), want: want.code, attempts: want.attempts})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	return rows
}

func secrets() []row {
	fault := func(step secrettest.Step) func(*system) {
		return func(s *system) { s.secrets.Always(step) }
	}
	value := func(v string) func(*system) {
		return func(s *system) { s.secrets.Put(v) }
	}
	return []row{
		{name: "Secret: access denied", arrange: fault(secrettest.AccessDenied()), want: "SecretUnavailable"},
		{name: "Secret: not found", arrange: fault(secrettest.NotFound()), want: "SecretUnavailable"},
		{name: "Secret: throttled", arrange: fault(secrettest.Throttled()), want: "SecretUnavailable"},
		{name: "Secret: scheduled for deletion", arrange: fault(secrettest.Deleted()), want: "SecretUnavailable"},
		{name: "Secret: KMS does not decrypt", arrange: fault(secrettest.KMSDecryptionFailure()), want: "SecretUnavailable"},
		{name: "Secret: KMS denies", arrange: fault(secrettest.KMSAccessDenied()), want: "SecretUnavailable"},
		{name: "Secret: internal error", arrange: fault(secrettest.InternalServiceError()), want: "SecretUnavailable"},
		{name: "Secret: never answers", arrange: fault(secrettest.Hang()), want: "SecretUnavailable"},
		{name: "Secret: answers after 1 s", arrange: fault(secrettest.Delay(time.Second, secrettest.OK())), want: "OK", attempts: 1},
		{name: "Secret: binary", arrange: func(s *system) { s.secrets.PutBinary([]byte(clientSecret)) }, want: "SecretUnavailable"},
		{name: "Secret: made and never given a value", arrange: fault(secrettest.NoValue()), want: "SecretUnavailable"},
		{name: "Secret: empty", arrange: value(""), want: "SecretUnavailable"},
		{name: "Secret: half a JSON object", arrange: value(`{"clientId":"example-client"`), want: "SecretUnavailable"},
		{name: "Secret: keys in another case", arrange: value(`{"ClientId":"example-client","ClientSecret":"` + clientSecret + `"}`), want: "SecretUnavailable"},
		{name: "Secret: plain string without ATLAS_CLIENT_ID", arrange: value(clientSecret), want: "SecretUnavailable"},
		{name: "Secret: a reference that nobody resolved", arrange: value(`{"clientId":"example-client","clientSecret":"{{resolve:secretsmanager:x}}"}`), want: "SecretUnavailable"},
		{name: "Secrets Manager: connection refused", arrange: func(s *system) {
			s.env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = "http://" + s.closedPort()
		}, want: "SecretUnavailable"},
		{name: "Secrets Manager: all data is swallowed", arrange: func(s *system) {
			s.env["AWS_ENDPOINT_URL_SECRETS_MANAGER"], _ = s.toxic(s.secrets.URL, `{"type":"timeout","attributes":{"timeout":0}}`)
		}, want: "SecretUnavailable"},
		{name: "Secrets Manager: failed at the start, works at the first call", arrange: func(s *system) {
			s.secrets.Script(secrettest.AccessDenied())
		}, want: "OK", attempts: 1},
	}
}

func combined() []row {
	return []row{
		{name: "Secret: AWSCURRENT is wrong, AWSPREVIOUS is right", arrange: func(s *system) {
			s.secrets.Put(`{"clientId":"example-client","clientSecret":"pasted wrong"}`)
		}, want: "OK", attempts: 2},
		{name: "Secret: replaced since the start, the old one refused", arrange: func(*system) {}, afterStart: func(s *system) {
			s.secrets.Put(`{"clientId":"example-client","clientSecret":"next"}`)
			s.atlas.SetCredentials(atlastest.Credential{ClientID: "example-client", ClientSecret: "next"})
		}, want: "OK", attempts: 2},
		{name: "Secrets Manager: down since the start, the secret in hand", arrange: func(*system) {}, afterStart: func(s *system) {
			s.secrets.Always(secrettest.InternalServiceError())
		}, want: "OK", attempts: 1},
	}
}
