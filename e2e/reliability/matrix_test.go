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
		{"Atlas: its name is not in DNS", at(func(*system) string { return "atlas.invalid" }), "AtlasUnavailable", 2},
		{"Atlas: connection refused", at(func(*system) string { return closedPort }), "AtlasUnavailable", 2},
		{"Atlas: packets go nowhere", at((*system).blackHole), "AtlasUnavailable", 2},
		{"Atlas: TLS handshake stalls", peer(silent), "AtlasUnavailable", 2},
		{"Atlas: closes in the TLS handshake", peer(closes), "AtlasUnavailable", 2},
		{"Atlas: does not speak TLS", peer(plain), "AtlasUnavailable", 2},
		{"Atlas: speaks TLS 1.1 at most", tlsPeer(time.Hour, tls.VersionTLS11), "AtlasUnavailable", 2},
		{"Atlas: certificate from an unknown authority", overTLS, "AtlasUnavailable", 1},
		{"Atlas: certificate has expired", tlsPeer(-time.Hour, 0), "AtlasUnavailable", 1},
		{"Atlas: certificate of another host", otherHost, "AtlasUnavailable", 1},
		{"Atlas: TLS and HTTP/2, no fault", trusted, "OK", 1},
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
		{"Atlas: reset before the reply, each time", always(cut), "AtlasFailed", 2},
		{"Atlas: reset before the reply, once", script(cut, cut), "OK", 2},
		{"Atlas: reset in the headers", always(atlastest.CutInHeaders()), "AtlasFailed", 2},
		{"Atlas: reset in the body", always(atlastest.CutInBody()), "AtlasFailed", 2},
		{"Atlas: closes after the reply", always(closing), "OK", 1},
		{"Atlas: never answers", always(hang), "AtlasTimeout", 2},
		{"Atlas: headers come after the attempt's time", always(atlastest.Delay(2*attempt, atlastest.OK())), "AtlasTimeout", 2},
		{"Atlas: headers are slow and come in time", always(atlastest.Delay(attempt/4, atlastest.OK())), "OK", 1},
		{"Atlas: slow once, then quick", script(hang), "OK", 2},
		{"Atlas: the body never comes", always(atlastest.HangBody()), "AtlasTimeout", 2},
		{"Atlas: the body is slow and comes in time", always(atlastest.SlowBody(attempt/4, atlastest.OK())), "OK", 1},
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
		{"Network: 300 ms of latency and 100 ms of jitter", toxic(`{"type":"latency","attributes":{"latency":300,"jitter":100}}`), "OK", 1},
		{"Network: 2 KB/s", toxic(`{"type":"bandwidth","attributes":{"rate":2}}`), "OK", 1},
		{"Network: packets of a few bytes", toxic(`{"type":"slicer","attributes":{"average_size":8,"size_variation":4,"delay":500}}`), "OK", 1},
		{"Network: cut after 60 bytes of the reply", toxic(`{"type":"limit_data","attributes":{"bytes":60}}`), "AtlasFailed", 2},
		{"Network: all data is lost", toxic(`{"type":"timeout","attributes":{"timeout":0}}`), "AtlasTimeout", 2},
		{"Network: requests are lost", toxic(`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`), "AtlasTimeout", 2},
		{"Network: the connection closes late", toxic(`{"type":"slow_close","attributes":{"delay":1000}}`), "OK", 1},
		{"Network: connection reset at once", toxic(`{"type":"reset_peer","attributes":{"timeout":0}}`), "AtlasFailed", 2},
		{"Network: down at the start, then up", downThenUp, "OK", 1},
		{"Network: kept-alive connection was closed", keptAlive, "OK", 1},
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
		{"Reply: gzip ends early", always(atlastest.GzipTruncated()), "AtlasFailed", 2},
		{"Reply: gzip of 1 GiB", always(atlastest.GzipBomb(1 << 30)), "AtlasFailed", 1},
		{"Reply: says gzip and is not", always(atlastest.NotGzip()), "AtlasFailed", 2},
		{"Reply: 1 MiB", always(atlastest.Oversized(1 << 20)), "AtlasFailed", 1},
		{"Reply: shorter than announced", always(atlastest.Truncated()), "AtlasFailed", 2},
		{"Reply: right body with a wrong content type", reply("text/html", portal), "OK", 1},
		{"Reply: HTML error page with HTTP 200", always(atlastest.HTML()), "AtlasFailed", 2},
		{"Reply: HTML error page with HTTP 502", always(atlastest.HTTPReply(502, "text/html", "<h1>Bad Gateway</h1>")), "AtlasFailed", 2},
		{"Reply: not JSON", always(atlastest.Garbage()), "AtlasFailed", 2},
		{"Reply: empty", reply("application/json", ""), "AtlasFailed", 2},
		{"Reply: status twice", reply("application/json", twice), "AtlasFailed", 2},
		{"Reply: status as a string", always(atlastest.JSON(`{"url":"","status":"0"}`)), "AtlasFailed", 2},
		{"Reply: success without a url", always(atlastest.JSON(`{"status":0}`)), "AtlasFailed", 1},
		{"Reply: url on another host", always(atlastest.BadURL("https://atriptech.com.example.com/?token=x")), "AtlasFailed", 1},
		{"Reply: url that runs a script", always(atlastest.BadURL("javascript:alert(1)")), "AtlasFailed", 1},
		{"Reply: msg with lines that look like a log's", always(atlastest.StatusMessage(4711, logLines)), "AtlasFailed", 1},
	}
}

func statuses() []row {
	status := func(n int) func(*system) { return always(atlastest.Status(n)) }
	http := func(code int) func(*system) { return always(atlastest.HTTPStatus(code)) }
	const elsewhere = "https://elsewhere.example.com/"
	limited := atlastest.WithHeader("Retry-After", "30", atlastest.HTTPStatus(429))
	return []row{
		{"Status 2, system error, each time", status(2), "AtlasFailed", 2},
		{"Status 2, system error, once", script(atlastest.Status(2)), "OK", 2},
		{"Status 9999", status(9999), "AtlasFailed", 2},
		{"Status -1", status(-1), "AtlasFailed", 2},
		{"Status 100, missing data", status(100), "AtlasFailed", 1},
		{"Status 901, illegal request", status(901), "AtlasFailed", 1},
		{"Status 4711, unknown", status(4711), "AtlasFailed", 1},
		{"Status 3, unauthorized", status(3), "AtlasRefused", 2},
		{"Status 900, unauthorized", status(900), "AtlasRefused", 2},
		{"Status 902, access denied", status(902), "AtlasRefused", 2},
		{"Limiter's body, HTTP 200, 1 s", script(atlastest.RateLimited(1, 200)), "OK", 2},
		{"Limiter's body, HTTP 429, 1 s", script(atlastest.RateLimited(1, 429)), "OK", 2},
		{"Limiter's body, HTTP 200, 60 s", always(atlastest.RateLimited(60, 200)), "AtlasRateLimited", 1},
		{"Limiter's body, HTTP 429, 60 s", always(atlastest.RateLimited(60, 429)), "AtlasRateLimited", 1},
		{"Atlas answers HTTP 204", always(atlastest.HTTPReply(204, "", "")), "AtlasFailed", 1},
		{"Atlas answers HTTP 301", always(atlastest.RedirectAs(301, elsewhere)), "AtlasFailed", 1},
		{"Atlas answers HTTP 307", always(atlastest.Redirect(elsewhere)), "AtlasFailed", 1},
		{"Atlas answers HTTP 400", http(400), "AtlasFailed", 1},
		{"Atlas answers HTTP 401", http(401), "AtlasRefused", 2},
		{"Atlas answers HTTP 403", http(403), "AtlasRefused", 2},
		{"Atlas answers HTTP 404", http(404), "AtlasFailed", 1},
		{"Atlas answers HTTP 429", always(limited), "AtlasRateLimited", 1},
		{"Atlas answers HTTP 500", http(500), "AtlasFailed", 2},
		{"Atlas answers HTTP 503", http(503), "AtlasFailed", 2},
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
		{"Secret: access denied", fault(secrettest.AccessDenied()), "SecretUnavailable", 0},
		{"Secret: not found", fault(secrettest.NotFound()), "SecretUnavailable", 0},
		{"Secret: throttled", fault(secrettest.Throttled()), "SecretUnavailable", 0},
		{"Secret: scheduled for deletion", fault(secrettest.Deleted()), "SecretUnavailable", 0},
		{"Secret: KMS does not decrypt", fault(secrettest.KMSDecryptionFailure()), "SecretUnavailable", 0},
		{"Secret: KMS denies", fault(secrettest.KMSAccessDenied()), "SecretUnavailable", 0},
		{"Secret: internal error", fault(secrettest.InternalServiceError()), "SecretUnavailable", 0},
		{"Secret: never answers", fault(secrettest.Hang()), "SecretUnavailable", 0},
		{"Secret: answers after 1 s", fault(secrettest.Delay(time.Second, secrettest.OK())), "OK", 1},
		{"Secret: binary", binary, "SecretUnavailable", 0},
		{"Secret: created without a value", fault(secrettest.NoValue()), "SecretUnavailable", 0},
		{"Secret: empty", value(""), "SecretUnavailable", 0},
		{"Secret: half a JSON object", value(`{"clientId":"example-client"`), "SecretUnavailable", 0},
		{"Secret: keys in another case", value(otherCase), "SecretUnavailable", 0},
		{"Secret: plain string without ATLAS_CLIENT_ID", value(clientSecret), "SecretUnavailable", 0},
		{"Secret: an unresolved reference", value(secretValue("{{resolve:secretsmanager:x}}")), "SecretUnavailable", 0},
		{"Secrets Manager: connection refused", refused, "SecretUnavailable", 0},
		{"Secrets Manager: all data is lost", lost, "SecretUnavailable", 0},
		{"Secrets Manager: failed at the start, works at the first call", once, "OK", 1},
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
		{"Secret: AWSCURRENT is wrong, AWSPREVIOUS is right", wrong, "OK", 2},
		{"Secret: replaced since the start, the old one refused", replaced, "OK", 2},
		{"Secrets Manager: down since the start, the secret is cached", down, "OK", 1},
	}
}
