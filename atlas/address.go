package atlas

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// ParseBaseURL checks the URL, with or without a path, that getAtripToken.do is
// below. It must be https, because the client secret is sent in a header. http is
// accepted for loopback addresses and, with anyHTTPHost, for every host. The
// errors do not quote the value, which can contain credentials.
func ParseBaseURL(s string, anyHTTPHost bool) (*url.URL, error) {
	if strings.Contains(s, "{{resolve:") {
		return nil, errors.New("is an unresolved {{resolve:…}} reference (SAM CLI does not resolve them locally)")
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must start with https://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case err != nil || port == 0 || strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("has an invalid port")
	case u.User != nil:
		return nil, errors.New("must not contain a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not contain a query or fragment")
	case u.Scheme == "http" && !anyHTTPHost && !loopback(u.Hostname()):
		return nil, errors.New("must be https: over http the client secret is not encrypted (http is for loopback addresses only)")
	}
	return u, nil
}

func loopback(host string) bool {
	addr, _ := netip.ParseAddr(host) // the zero Addr is no loopback address
	return addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// Hosts is a list of host patterns. A name matches itself; "*.name" matches every
// name below it, but not the name itself.
type Hosts []string

// hostname matches an ASCII host name or an IPv4 address. A name in another
// script must be in its ASCII form, as in DNS.
var hostname = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// ParseHosts reads a comma-separated list of host patterns. The error names each
// invalid pattern.
func ParseHosts(s string) (Hosts, error) {
	var hosts Hosts
	var invalid []error
	for pattern := range strings.SplitSeq(strings.ToLower(s), ",") {
		pattern = strings.TrimSpace(pattern)
		parent, wildcard := strings.CutPrefix(pattern, "*.")
		if !hostname.MatchString(parent) || wildcard && !strings.Contains(parent, ".") {
			invalid = append(invalid, fmt.Errorf("%q is not a host name, or *. and a name with a dot", pattern))
		}
		hosts = append(hosts, pattern)
	}
	return hosts, errors.Join(invalid...)
}

// Allow reports whether host, a name without a port, matches a pattern.
func (h Hosts) Allow(host string) bool {
	host = strings.ToLower(host)
	if len(host) > 253 || !hostname.MatchString(host) {
		return false
	}
	for _, pattern := range h {
		if parent, wildcard := strings.CutPrefix(pattern, "*"); wildcard && strings.HasSuffix(host, parent) || host == pattern {
			return true
		}
	}
	return false
}

// maxURL is far above a real url and below the limits of browsers and proxies.
const maxURL = 8192

// checkPortalURL returns why a browser must not be sent to the url that Atlas
// returned, or "". The answer does not quote the url.
//
// Go and browsers parse some URLs differently (a backslash, a tab, a name in
// another script), so only plain ones pass: ASCII without spaces, control
// characters and backslashes, with scheme and host.
func (c *Client) checkPortalURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "the url cannot be parsed"
	}
	baseIsHTTP := c.BaseURL.Scheme == "http"
	plain := baseIsHTTP && u.Scheme == "http"
	switch {
	case s == "":
		return "it reports success without a url"
	case len(s) > maxURL:
		return "the url is too long"
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }):
		return "the url contains a character that URLs do not have"
	case u.User != nil:
		return "the url contains a user"
	case u.Scheme != "https" && !plain:
		return "the url is not https"
	case baseIsHTTP && u.Host == c.BaseURL.Host:
		return ""
	case u.Port() != "" && u.Port() != "443" && !plain:
		return "the url contains a port"
	case !c.PortalHosts.Allow(u.Hostname()):
		return "the url's host is not one of the allowed portal hosts"
	}
	return ""
}
