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

// atlasTLS checks Atlas's certificate on the connection that a request makes, so that a proxy is used as in atlasHTTP.
func atlasTLS(ctx context.Context, s *subject) Result {
	if s.baseURL.Scheme == "http" {
		return skip("the base URL is http")
	}
	response, err := s.head(ctx)
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
	until := response.TLS.PeerCertificates[0].NotAfter
	if until.Sub(s.options.Now()) < expirySoon {
		return fail("Atlas's certificate expires on %s", until.Format(time.DateOnly)).
			fix("tell Atlas; the function refuses an expired certificate")
	}
	return pass("%s, certificate until %s", tls.VersionName(response.TLS.Version), until.Format(time.DateOnly))
}

// head sends Atlas a bare HEAD, whose answer means nothing.
func (s *subject) head(ctx context.Context) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, s.baseURL.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := s.http.Do(request)
	if err == nil {
		_ = response.Body.Close() // it is empty
	}
	return response, err
}

// connectionFault returns an error's innermost reason, without addresses.
func connectionFault(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return oneLine(text)
}

// atlasHTTP checks that Atlas answers over HTTP.
func atlasHTTP(ctx context.Context, s *subject) Result {
	response, err := s.head(ctx)
	if err != nil {
		return s.fromHere(fail("no HTTP answer from %s: %s", s.baseURL.Host, connectionFault(err)).
			fix("check the route to the internet and whether Atlas allows this address"))
	}
	s.reachable = true
	return pass("%s answers over %s", s.baseURL.Host, response.Proto)
}
