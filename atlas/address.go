package atlas

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// ParseBaseURL checks a base URL under which getAtripToken.do is served, with
// or without a path, and returns it. It must be https; http is accepted for
// loopback addresses and, with anyHTTPHost, for every host: the client secret
// travels in a header. The errors name the fault, never the value, which may
// hold credentials.
func ParseBaseURL(s string, anyHTTPHost bool) (*url.URL, error) {
	if strings.Contains(s, "{{resolve:") {
		return nil, errors.New("is an unresolved {{resolve:…}} reference: it was never replaced by CloudFormation (SAM's local commands do not resolve them)")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must start with https://")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("names no host")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must have no query and no fragment")
	case u.Scheme == "http" && !anyHTTPHost && !loopback(u.Hostname()):
		return nil, errors.New("must be https: http would send the client secret in clear text (http is for loopback addresses only)")
	}
	if port := u.Port(); port == "" && strings.HasSuffix(u.Host, ":") {
		return nil, errors.New("has an empty port")
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Hosts is a list of host patterns: a name matches itself, "*.name" matches
// every name below it (and not the name itself).
type Hosts struct{ patterns []string }

// ParseHosts reads a comma-separated list of host patterns. The error names
// every bad pattern.
func ParseHosts(s string) (Hosts, error) {
	var hosts Hosts
	var bad []error
	for pattern := range strings.SplitSeq(s, ",") {
		pattern = strings.ToLower(strings.TrimSpace(pattern))
		name := strings.TrimPrefix(pattern, "*.")
		if !hostname(name) {
			bad = append(bad, fmt.Errorf("%q is not a host name or *.name", pattern))
			continue
		}
		hosts.patterns = append(hosts.patterns, pattern)
	}
	return hosts, errors.Join(bad...)
}

// hostname reports whether s is a plain ASCII host name or an IPv4 address:
// labels of letters, digits and hyphens. A name in another script has to be
// written in its ASCII form, as it travels in DNS.
func hostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return true
}

// Allow reports whether host, a name without a port, matches a pattern.
func (h Hosts) Allow(host string) bool {
	host = strings.ToLower(host)
	if !hostname(host) {
		return false
	}
	for _, pattern := range h.patterns {
		if parent, wild := strings.CutPrefix(pattern, "*"); wild && strings.HasSuffix(host, parent) || host == pattern {
			return true
		}
	}
	return false
}

// String returns the patterns, comma-separated.
func (h Hosts) String() string { return strings.Join(h.patterns, ",") }

// maxURL is far above any token URL and below what browsers and proxies take.
const maxURL = 8192

// checkPortalURL returns nil when a browser may be sent to the url that Atlas
// returned, and otherwise an error which says why not and does not quote it.
//
// Go and browsers do not read every URL alike (a backslash, a tab, a name in
// another script), so what is let through is plain: ASCII without spaces,
// controls and backslashes, scheme and host spelled out.
func (c *Client) checkPortalURL(s string) error {
	if len(s) > maxURL {
		return errors.New("the url is too long")
	}
	for _, b := range []byte(s) {
		if b <= ' ' || b >= 0x7f || b == '\\' {
			return errors.New("the url holds a character that URLs do not have")
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return errors.New("the url does not parse")
	}
	if u.User != nil {
		return errors.New("the url holds a user")
	}
	base := c.BaseURL
	plain := base.Scheme == "http" && u.Scheme == "http"
	if u.Scheme != "https" && !plain {
		return errors.New("the url is not https")
	}
	if base.Scheme == "http" && u.Host == base.Host {
		return nil
	}
	if port := u.Port(); port != "" && !(u.Scheme == "https" && port == "443") && !plain {
		return errors.New("the url names a port")
	}
	host := u.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !c.PortalHosts.Allow(host) {
		return errors.New("the url's host is not among the allowed portal hosts")
	}
	return nil
}
