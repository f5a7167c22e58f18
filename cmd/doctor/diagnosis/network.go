package diagnosis

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// sandboxHost is Atlas's sandbox, which has no allow-list of addresses.
const sandboxHost = "sandbox.atriptech.com"

// egressIPs reports from which addresses the function calls Atlas.
func egressIPs(_ context.Context, s *subject) Result {
	ips := s.stack.outputs["EgressIps"]
	switch {
	case addresses(ips):
		return pass("the function calls Atlas from %s: these must be on Atlas's allow-list", ips)
	case s.baseURL == nil:
		return skip("%s", cmp.Or(atlasURL(s), "Atlas's address is not known"))
	case s.baseURL.Hostname() == sandboxHost:
		return pass("the function has no fixed addresses, and the sandbox requires none")
	case s.stack.inVPC():
		return fail("the function leaves by your own NAT gateways, and the stack does not know their addresses").
			fix("give their public addresses to Atlas, and set the parameter EgressIps to them so that they are recorded")
	}
	return fail("the function has no fixed addresses, and Atlas's production credentials come with an allow-list of addresses").
		fix("deploy with NetworkMode own or existing, and give the output EgressIps to Atlas")
}

// addresses reports whether s is a comma-separated list of IP addresses. The output has other text when there are none.
func addresses(s string) bool {
	for part := range strings.SplitSeq(s, ",") {
		if _, err := netip.ParseAddr(strings.TrimSpace(part)); err != nil {
			return false
		}
	}
	return true
}

// fromHere turns a failure to reach Atlas from this machine into a skip if the function calls from its own network: then
// the failure says nothing about the function.
func (s *subject) fromHere(r Result) Result {
	if s.stack.inVPC() {
		return skip("%s from here; the stack calls from its own network, which the end-to-end call tests", r.Cause)
	}
	return r
}

// stepTimeout bounds one step on the way to Atlas.
const stepTimeout = 10 * time.Second

func atlasDNS(ctx context.Context, s *subject) Result {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	host := s.baseURL.Hostname()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return s.fromHere(fail("%s cannot be resolved", host).fix("check the base URL with Atlas, and this network's DNS"))
	}
	return pass("%s is %s", host, strings.Join(addresses, ", "))
}

// expirySoon: warn when a certificate expires within this time. Most authorities renew 30 days ahead.
const expirySoon = 14 * 24 * time.Hour

func atlasTLS(ctx context.Context, s *subject) Result {
	if s.baseURL.Scheme == "http" {
		return skip("the base URL is http")
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: s.tlsConfig()}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.baseURL.Hostname(), cmp.Or(s.baseURL.Port(), "443")))
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fail("Atlas's certificate is not valid now, only from %s to %s",
			invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Cert.NotAfter.Format(time.DateOnly)).
			fix("tell Atlas, and check this machine's clock; the function refuses the certificate as well")
	}
	if err != nil {
		return s.fromHere(fail("no TLS connection to %s: %s", s.baseURL.Host, connectionFault(err)).
			fix("check the route to the internet, a proxy that opens TLS, and whether Atlas allows this address"))
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	until := state.PeerCertificates[0].NotAfter
	if until.Sub(s.options.Now()) < expirySoon {
		return fail("Atlas's certificate expires on %s", until.Format(time.DateOnly)).
			fix("tell Atlas; the function refuses an expired certificate")
	}
	return pass("%s, certificate until %s", tls.VersionName(state.Version), until.Format(time.DateOnly))
}

// tlsConfig returns the TLS configuration of the HTTP client, or the usual one.
func (s *subject) tlsConfig() *tls.Config {
	if transport, ok := s.http.Transport.(*http.Transport); ok && transport.TLSClientConfig != nil {
		config := transport.TLSClientConfig.Clone()
		config.NextProtos = nil
		return config
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// connectionFault returns an error's innermost reason, without addresses.
func connectionFault(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return oneLine(text)
}

// atlasHTTP checks that Atlas speaks HTTP; its answer to a bare HEAD means nothing.
func atlasHTTP(ctx context.Context, s *subject) Result {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, s.baseURL.String(), nil)
	if err != nil {
		return fail("the base URL is not valid").fix("check AtlasBaseUrl")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return s.fromHere(fail("no HTTP answer from %s: %s", s.baseURL.Host, connectionFault(err)).
			fix("check the route to the internet and whether Atlas allows this address"))
	}
	_ = response.Body.Close()
	s.reachable = true
	return pass("%s answers over %s", s.baseURL.Host, response.Proto)
}
