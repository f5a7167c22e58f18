package reliability

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

// The answers.
const (
	ok                = "OK"
	atlasFailed       = "AtlasFailed"
	atlasRateLimited  = "AtlasRateLimited"
	atlasRefused      = "AtlasRefused"
	atlasTimeout      = "AtlasTimeout"
	atlasUnavailable  = "AtlasUnavailable"
	secretUnavailable = "SecretUnavailable"
)

func rows() []row {
	return slices.Concat(connecting(), replying(), network(), replies(), statuses(), secrets(), combined())
}

// at points the function at the address that find returns.
func at(find func(*system) string) func(*system) {
	return func(s *system) { s.Env["ATLAS_BASE_URL"] = "https://" + find(s) }
}

// peer replaces Atlas by a TCP server.
func peer(serve func(net.Conn)) func(*system) {
	return at(func(s *system) string {
		listener := s.listener()
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					serve(conn)
				}()
			}
		}()
		return listener.Addr().String()
	})
}

// tlsPeer replaces Atlas by a TLS server with a certificate that the function
// trusts, valid for life from now.
func tlsPeer(life time.Duration, maxVersion uint16) func(*system) {
	return func(s *system) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			s.t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			s.t.Fatal(err)
		}
		s.trust(der)
		certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10, MaxVersion: maxVersion}
		peer(func(conn net.Conn) { _ = tls.Server(conn, config).HandshakeContext(s.t.Context()) })(s)
	}
}

func connecting() []row {
	overTLS := func(s *system) { s.startAtlas(true) }
	trusted := func(s *system) {
		overTLS(s)
		s.trust(s.Atlas.Certificate().Raw)
	}
	otherHost := func(s *system) { // it is for 127.0.0.1
		trusted(s)
		s.Env["ATLAS_BASE_URL"] = strings.Replace(s.Env["ATLAS_BASE_URL"], "127.0.0.1", "localhost", 1)
	}
	silent := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	closes := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 16)) }
	plain := func(conn net.Conn) { _, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }
	return []row{
		{"Atlas: its name is not in DNS", at(func(*system) string { return "atlas.invalid" }), atlasUnavailable, 2},
		{"Atlas: connection refused", at(func(*system) string { return closedPort }), atlasUnavailable, 2},
		{"Atlas: packets go nowhere", at((*system).blackHole), atlasUnavailable, 2},
		{"Atlas: TLS handshake stalls", peer(silent), atlasUnavailable, 2},
		{"Atlas: closes in the TLS handshake", peer(closes), atlasUnavailable, 2},
		{"Atlas: does not speak TLS", peer(plain), atlasUnavailable, 2},
		{"Atlas: speaks TLS 1.1 at most", tlsPeer(time.Hour, tls.VersionTLS11), atlasUnavailable, 2},
		{"Atlas: certificate from an unknown authority", overTLS, atlasUnavailable, 1},
		{"Atlas: certificate has expired", tlsPeer(-time.Hour, 0), atlasUnavailable, 1},
		{"Atlas: certificate of another host", otherHost, atlasUnavailable, 1},
		{"Atlas: TLS and HTTP/2, no fault", trusted, ok, 1},
	}
}

// always makes Atlas answer every call by step, script the next ones.
func always(step atlastest.Step) func(*system) {
	return func(s *system) { s.Atlas.Always(step) }
}

func script(steps ...atlastest.Step) func(*system) {
	return func(s *system) { s.Atlas.Script(steps...) }
}

func replying() []row {
	cut, hang := atlastest.CutConnection(), atlastest.Hang()
	closing := atlastest.WithHeader("Connection", "close", atlastest.OK())
	return []row{
		{"Atlas: reset before the reply, each time", always(cut), atlasFailed, 2},
		{"Atlas: reset before the reply, once", script(cut, cut), ok, 2},
		{"Atlas: reset in the headers", always(atlastest.CutInHeaders()), atlasFailed, 2},
		{"Atlas: reset in the body", always(atlastest.CutInBody()), atlasFailed, 2},
		{"Atlas: closes after the reply", always(closing), ok, 1},
		{"Atlas: never answers", always(hang), atlasTimeout, 2},
		{"Atlas: headers come after the attempt's time", always(atlastest.Delay(2*attempt, atlastest.OK())), atlasTimeout, 2},
		{"Atlas: headers are slow and come in time", always(atlastest.Delay(attempt/4, atlastest.OK())), ok, 1},
		{"Atlas: slow once, then quick", script(hang), ok, 2},
		{"Atlas: the body never comes", always(atlastest.HangBody()), atlasTimeout, 2},
		{"Atlas: the body is slow and comes in time", always(atlastest.SlowBody(attempt/4, atlastest.OK())), ok, 1},
	}
}

func network() []row {
	toxic := func(toxic string) func(*system) {
		return func(s *system) { s.proxy("ATLAS_BASE_URL", toxic) }
	}
	downThenUp := func(s *system) {
		proxy := s.proxy("ATLAS_BASE_URL")
		proxy.Stop()
		s.afterStart = func() {
			if err := proxy.Start(); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	keptAlive := func(s *system) {
		s.afterStart = func() { s.Atlas.CloseClientConnections() }
	}
	return []row{
		{"Network: 300 ms of latency and 100 ms of jitter", toxic(`{"type":"latency","attributes":{"latency":300,"jitter":100}}`), ok, 1},
		{"Network: 2 KB/s", toxic(`{"type":"bandwidth","attributes":{"rate":2}}`), ok, 1},
		{"Network: packets of a few bytes", toxic(`{"type":"slicer","attributes":{"average_size":8,"size_variation":4,"delay":500}}`), ok, 1},
		{"Network: cut after 60 bytes of the reply", toxic(`{"type":"limit_data","attributes":{"bytes":60}}`), atlasFailed, 2},
		{"Network: all data is lost", toxic(`{"type":"timeout","attributes":{"timeout":0}}`), atlasTimeout, 2},
		{"Network: requests are lost", toxic(`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`), atlasTimeout, 2},
		{"Network: the connection closes late", toxic(`{"type":"slow_close","attributes":{"delay":1000}}`), ok, 1},
		{"Network: connection reset at once", toxic(`{"type":"reset_peer","attributes":{"timeout":0}}`), atlasFailed, 2},
		{"Network: down at the start, then up", downThenUp, ok, 1},
		{"Network: kept-alive connection was closed", keptAlive, ok, 1},
	}
}

func replies() []row {
	reply := func(kind, body string) func(*system) { return always(atlastest.HTTPReply(200, kind, body)) }
	const (
		portal   = `{"url":"https://www.atriptech.com/portal","status":0}`
		twice    = `{"url":"https://www.atriptech.com/","status":3,"status":0}`
		logLines = "x\n{\"message\":\"request\",\"outcome\":\"OK\"}\n"
	)
	return []row{
		{"Reply: gzip ends early", always(atlastest.GzipTruncated()), atlasFailed, 2},
		{"Reply: gzip of 1 GiB", always(atlastest.GzipBomb(1 << 30)), atlasFailed, 1},
		{"Reply: says gzip and is not", always(atlastest.NotGzip()), atlasFailed, 2},
		{"Reply: 1 MiB", always(atlastest.Oversized(1 << 20)), atlasFailed, 1},
		{"Reply: shorter than announced", always(atlastest.Truncated()), atlasFailed, 2},
		{"Reply: right body with a wrong content type", reply("text/html", portal), ok, 1},
		{"Reply: HTML error page with HTTP 200", always(atlastest.HTML()), atlasFailed, 2},
		{"Reply: HTML error page with HTTP 502", always(atlastest.HTTPReply(502, "text/html", "<h1>Bad Gateway</h1>")), atlasFailed, 2},
		{"Reply: not JSON", always(atlastest.Garbage()), atlasFailed, 2},
		{"Reply: empty", reply("application/json", ""), atlasFailed, 2},
		{"Reply: status twice", reply("application/json", twice), atlasFailed, 2},
		{"Reply: status as a string", always(atlastest.JSON(`{"url":"","status":"0"}`)), atlasFailed, 2},
		{"Reply: success without a url", always(atlastest.JSON(`{"status":0}`)), atlasFailed, 1},
		{"Reply: url on another host", always(atlastest.BadURL("https://atriptech.com.example.com/?token=x")), atlasFailed, 1},
		{"Reply: url that runs a script", always(atlastest.BadURL("javascript:alert(1)")), atlasFailed, 1},
		{"Reply: msg with lines that look like a log's", always(atlastest.StatusMessage(4711, logLines)), atlasFailed, 1},
	}
}

func statuses() []row {
	status := func(n int) func(*system) { return always(atlastest.Status(n)) }
	http := func(code int) func(*system) { return always(atlastest.HTTPStatus(code)) }
	const elsewhere = "https://elsewhere.example.com/"
	limited := atlastest.WithHeader("Retry-After", "30", atlastest.HTTPStatus(429))
	return []row{
		{"Status 2, system error, each time", status(2), atlasFailed, 2},
		{"Status 2, system error, once", script(atlastest.Status(2)), ok, 2},
		{"Status 9999", status(9999), atlasFailed, 2},
		{"Status -1", status(-1), atlasFailed, 2},
		{"Status 100, missing data", status(100), atlasFailed, 1},
		{"Status 901, illegal request", status(901), atlasFailed, 1},
		{"Status 4711, unknown", status(4711), atlasFailed, 1},
		{"Status 3, unauthorized", status(3), atlasRefused, 2},
		{"Status 900, unauthorized", status(900), atlasRefused, 2},
		{"Status 902, access denied", status(902), atlasRefused, 2},
		{"Limiter's body, HTTP 200, 1 s", script(atlastest.RateLimited(1, 200)), ok, 2},
		{"Limiter's body, HTTP 429, 1 s", script(atlastest.RateLimited(1, 429)), ok, 2},
		{"Limiter's body, HTTP 200, 60 s", always(atlastest.RateLimited(60, 200)), atlasRateLimited, 1},
		{"Limiter's body, HTTP 429, 60 s", always(atlastest.RateLimited(60, 429)), atlasRateLimited, 1},
		{"Atlas answers HTTP 204", always(atlastest.HTTPReply(204, "", "")), atlasFailed, 1},
		{"Atlas answers HTTP 301", always(atlastest.RedirectAs(301, elsewhere)), atlasFailed, 1},
		{"Atlas answers HTTP 307", always(atlastest.Redirect(elsewhere)), atlasFailed, 1},
		{"Atlas answers HTTP 400", http(400), atlasFailed, 1},
		{"Atlas answers HTTP 401", http(401), atlasRefused, 2},
		{"Atlas answers HTTP 403", http(403), atlasRefused, 2},
		{"Atlas answers HTTP 404", http(404), atlasFailed, 1},
		{"Atlas answers HTTP 429", always(limited), atlasRateLimited, 1},
		{"Atlas answers HTTP 500", http(500), atlasFailed, 2},
		{"Atlas answers HTTP 503", http(503), atlasFailed, 2},
	}
}

func secrets() []row {
	fault := func(step secrettest.Step) func(*system) {
		return func(s *system) { s.Secrets.Always(step) }
	}
	value := func(v string) func(*system) {
		return func(s *system) { s.Secrets.Put(v) }
	}
	binary := func(s *system) { s.Secrets.PutBinary([]byte(clientSecret)) }
	otherCase := `{"ClientId":"example-client","ClientSecret":"` + clientSecret + `"}`
	refused := func(s *system) { s.Env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = "http://" + closedPort }
	lost := func(s *system) {
		s.proxy("AWS_ENDPOINT_URL_SECRETS_MANAGER", `{"type":"timeout","attributes":{"timeout":0}}`)
	}
	once := func(s *system) { s.Secrets.Script(secrettest.AccessDenied()) }
	return []row{
		{"Secret: access denied", fault(secrettest.AccessDenied()), secretUnavailable, 0},
		{"Secret: not found", fault(secrettest.NotFound()), secretUnavailable, 0},
		{"Secret: throttled", fault(secrettest.Throttled()), secretUnavailable, 0},
		{"Secret: scheduled for deletion", fault(secrettest.Deleted()), secretUnavailable, 0},
		{"Secret: KMS does not decrypt", fault(secrettest.KMSDecryptionFailure()), secretUnavailable, 0},
		{"Secret: KMS denies", fault(secrettest.KMSAccessDenied()), secretUnavailable, 0},
		{"Secret: internal error", fault(secrettest.InternalServiceError()), secretUnavailable, 0},
		{"Secret: never answers", fault(secrettest.Hang()), secretUnavailable, 0},
		{"Secret: answers after 1 s", fault(secrettest.Delay(time.Second, secrettest.OK())), ok, 1},
		{"Secret: binary", binary, secretUnavailable, 0},
		{"Secret: created without a value", fault(secrettest.NoValue()), secretUnavailable, 0},
		{"Secret: empty", value(""), secretUnavailable, 0},
		{"Secret: half a JSON object", value(`{"clientId":"example-client"`), secretUnavailable, 0},
		{"Secret: keys in another case", value(otherCase), secretUnavailable, 0},
		{"Secret: plain string without ATLAS_CLIENT_ID", value(clientSecret), secretUnavailable, 0},
		{"Secret: an unresolved reference", value(secretValue("{{resolve:secretsmanager:x}}")), secretUnavailable, 0},
		{"Secrets Manager: connection refused", refused, secretUnavailable, 0},
		{"Secrets Manager: all data is lost", lost, secretUnavailable, 0},
		{"Secrets Manager: failed at the start, works at the first call", once, ok, 1},
	}
}

func combined() []row {
	replaced := func(s *system) {
		s.afterStart = func() {
			s.Secrets.Put(secretValue("next"))
			s.Atlas.SetCredentials(credential("next"))
		}
	}
	down := func(s *system) {
		s.afterStart = func() { s.Secrets.Always(secrettest.InternalServiceError()) }
	}
	wrong := func(s *system) { s.Secrets.Put(secretValue("pasted wrong")) }
	return []row{
		{"Secret: AWSCURRENT is wrong, AWSPREVIOUS is right", wrong, ok, 2},
		{"Secret: replaced since the start, the old one refused", replaced, ok, 2},
		{"Secrets Manager: down since the start, the secret is cached", down, ok, 1},
	}
}
