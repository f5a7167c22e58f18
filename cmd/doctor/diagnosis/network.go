package diagnosis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// sandboxHost is Atlas's sandbox, which has no allow-list of addresses.
const sandboxHost = "sandbox.atriptech.com"

// egressIPs reports from which addresses the function calls Atlas.
func egressIPs(_ context.Context, s *subject) Result {
	ips := s.stack.outputs["EgressIps"]
	switch {
	case ips != "" && strings.Trim(ips, "0123456789., ") == "": // otherwise the output says why there are none
		return pass("the function calls Atlas from %s: these must be on Atlas's allow-list", ips)
	case s.baseURL.Hostname() == sandboxHost:
		return pass("the function has no fixed addresses, and the sandbox requires none")
	case s.stack.inVPC():
		return fail("the function leaves by your own NAT gateways, and the stack does not know their addresses").
			fix("give their public addresses to Atlas, and set the parameter EgressIps to them so that they are recorded")
	}
	return fail("the function has no fixed addresses, and Atlas's production credentials come with an allow-list of addresses").
		fix("deploy with NetworkMode own or existing, and give the output EgressIps to Atlas")
}

// fromHere turns a failure to reach Atlas from this machine into a skip if the function calls from its own network: then
// the failure says nothing about the function.
func (s *subject) fromHere(r Result) Result {
	if s.stack.inVPC() {
		return skip("%s from here; the stack calls from its own network, which the end-to-end call tests", r.Cause)
	}
	return r
}

// stepTimeout bounds one request to Atlas.
const stepTimeout = 10 * time.Second

// expirySoon: warn when a certificate expires within this time. Most authorities renew 30 days ahead.
const expirySoon = 14 * 24 * time.Hour

// atlasConnection sends Atlas a bare HEAD, whose answer means nothing: it checks the name, the certificate and the way there.
func atlasConnection(ctx context.Context, s *subject) Result {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, s.baseURL.String(), nil)
	if err != nil {
		return fail("%s is not a URL", oneLine(s.baseURL.String())).fix("correct the base URL")
	}
	response, err := s.http.Do(request)
	var unknown *net.DNSError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return s.fromHere(fail("%s cannot be resolved", unknown.Name).fix("check the base URL with Atlas, and this network's DNS"))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail("Atlas's certificate is not valid now, only from %s to %s",
			invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Cert.NotAfter.Format(time.DateOnly)).
			fix("tell Atlas, and check this machine's clock; the function refuses the certificate as well")
	case err != nil:
		return s.fromHere(fail("no HTTP answer from %s: %s", s.baseURL.Host, connectionFault(err)).
			fix("check the route to the internet, a proxy that opens TLS, and whether Atlas allows this address"))
	}
	_ = response.Body.Close() // it is empty
	s.reachable = true
	if response.TLS == nil {
		return pass("%s answers over %s", s.baseURL.Host, response.Proto)
	}
	until := response.TLS.PeerCertificates[0].NotAfter
	if until.Sub(s.options.Now()) < expirySoon {
		return fail("Atlas's certificate expires on %s", until.Format(time.DateOnly)).
			fix("tell Atlas; the function refuses an expired certificate")
	}
	return pass("%s answers over %s, %s, certificate until %s", s.baseURL.Host, response.Proto, tls.VersionName(response.TLS.Version),
		until.Format(time.DateOnly))
}

// connectionFault returns an error's innermost reason, without addresses.
func connectionFault(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return oneLine(text)
}
