package diagnosis

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// sandboxHost is Atlas's sandbox, which knows no list of addresses.
const sandboxHost = "sandbox.atriptech.com"

// egressIPs says from which addresses the function calls Atlas.
func egressIPs(_ context.Context, s *subject) finding {
	if s.stack == nil {
		return needsStack()
	}
	if ips := s.stack.outputs[outputEgressIPs]; addresses(ips) {
		return pass("the function calls Atlas from " + ips + ": these must stand on Atlas's allow-list")
	}
	switch {
	case s.baseURL == nil:
		return s.needsAtlas()
	case s.baseURL.Hostname() == sandboxHost:
		return pass("no addresses are known to be fixed, and the sandbox asks for none")
	case s.ownNetwork():
		return fail("the function leaves by your own NAT gateways, and the stack does not know their addresses",
			"give their public addresses to Atlas, and set the parameter EgressIps to them so that they are written down")
	}
	return fail("the function has no fixed addresses, and Atlas's production credentials come with an allow-list of addresses",
		"deploy with NetworkMode own or existing, and give the output EgressIps to Atlas")
}

// addresses reports whether s is a comma-separated list of IP addresses. The
// output says something else in their place when there are none.
func addresses(s string) bool {
	for part := range strings.SplitSeq(s, ",") {
		if _, err := netip.ParseAddr(strings.TrimSpace(part)); err != nil {
			return false
		}
	}
	return true
}

// ownNetwork reports whether the function calls from a VPC.
func (s *subject) ownNetwork() bool {
	return s.stack != nil && s.stack.parameters[parameterNetwork] != "" && s.stack.parameters[parameterNetwork] != networkNone
}

// fromHere finds that Atlas does not answer here. A stack with a network of
// its own reaches Atlas by another way, so that says nothing about it.
func (s *subject) fromHere(cause, mend string) finding {
	if s.ownNetwork() {
		return skip(cause + " from here; the stack calls from its own network, which the end-to-end call shows")
	}
	return fail(cause, mend)
}

func (s *subject) atlasPort() string {
	switch {
	case s.baseURL.Port() != "":
		return s.baseURL.Port()
	case s.baseURL.Scheme == "http":
		return "80"
	}
	return "443"
}

// step bounds one step on the way to Atlas.
const step = 10 * time.Second

func atlasDNS(ctx context.Context, s *subject) finding {
	if s.baseURL == nil {
		return s.needsAtlas()
	}
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	host := s.baseURL.Hostname()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return s.fromHere(host+" cannot be resolved", "check the base URL with Atlas, and this network's DNS")
	}
	return pass(fmt.Sprintf("%s is %s", host, strings.Join(addresses, ", ")))
}

// expirySoon is when a certificate is worth a word: most authorities renew 30
// days ahead.
const expirySoon = 14 * 24 * time.Hour

func atlasTLS(ctx context.Context, s *subject) finding {
	if s.baseURL == nil {
		return s.needsAtlas()
	}
	if s.baseURL.Scheme == "http" {
		return skip("the base URL is http")
	}
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	dialer := tls.Dialer{Config: s.tlsConfig()}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.baseURL.Hostname(), s.atlasPort()))
	if err != nil {
		return s.fromHere("no TLS connection to "+s.baseURL.Host+": "+connectionFault(err),
			"check the route to the internet, a proxy that opens TLS, and whether Atlas lists this address")
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	until := state.PeerCertificates[0].NotAfter
	if left := until.Sub(s.now()); left < expirySoon {
		return fail(fmt.Sprintf("Atlas's certificate ends on %s", until.Format(time.DateOnly)), "tell Atlas; the function trusts no expired certificate")
	}
	return pass(fmt.Sprintf("%s, certificate until %s", tls.VersionName(state.Version), until.Format(time.DateOnly)))
}

// tlsConfig is that of the client that the requests go through, or the usual.
func (s *subject) tlsConfig() *tls.Config {
	if transport, ok := s.http.Transport.(*http.Transport); ok && transport.TLSClientConfig != nil {
		config := transport.TLSClientConfig.Clone()
		config.NextProtos = nil
		return config
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// connectionFault is what failed, without the addresses and the layers around.
func connectionFault(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return oneLine(text)
}

func atlasHTTP(ctx context.Context, s *subject) finding {
	if s.baseURL == nil {
		return s.needsAtlas()
	}
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, s.baseURL.String(), nil)
	if err != nil {
		return fail("the base URL cannot be asked", "check AtlasBaseUrl")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return s.fromHere("no HTTP answer from "+s.baseURL.Host+": "+connectionFault(err), "check the route to the internet and whether Atlas lists this address")
	}
	response.Body.Close()
	s.reachable = true
	// What it answers to a bare HEAD says nothing: only that it speaks HTTP counts.
	return pass(fmt.Sprintf("%s answers over %s", s.baseURL.Host, response.Proto))
}
