package gateway

import (
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// event is the payload format 2.0 (the guide, "Create AWS Lambda proxy
// integrations for HTTP APIs"). aws-lambda-go's type of it is not used to write
// events: it always writes an empty client certificate and never a null list of
// scopes, and API Gateway does neither.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  *string           `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string             `json:"accountId"`
	APIID        string             `json:"apiId"`
	Authorizer   *authorizerContext `json:"authorizer,omitempty"`
	DomainName   string             `json:"domainName"`
	DomainPrefix string             `json:"domainPrefix"`
	HTTP         httpContext        `json:"http"`
	RequestID    string             `json:"requestId"`
	RouteKey     string             `json:"routeKey"`
	Stage        string             `json:"stage"`
	// Time is the request's time in the form of Apache's common log.
	Time string `json:"time"`
	// TimeEpoch is the same in milliseconds since the Unix epoch.
	TimeEpoch int64 `json:"timeEpoch"`
}

type authorizerContext struct {
	JWT *jwtContext `json:"jwt"`
}

// jwtContext is what a JWT authorizer hands to the function.
type jwtContext struct {
	Claims map[string]string `json:"claims"`
	// Scopes are the route's scopes that the token holds; null on a route that
	// asks for none.
	Scopes []string `json:"scopes"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func newEvent(r *http.Request, body []byte, routeKey, requestID string, identity *jwtContext, at time.Time) event {
	sourceIP, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		sourceIP = r.RemoteAddr
	}
	prefix, _, _ := strings.Cut(r.Host, ".")
	e := event{
		Version:               "2.0",
		RouteKey:              routeKey,
		RawPath:               r.URL.Path, // decoded: as its users report, the guide does not say
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               headers(r, len(body), sourceIP),
		QueryStringParameters: query(r.URL.RawQuery),
		RequestContext: requestContext{
			AccountID: "000000000000", APIID: "local", DomainName: r.Host, DomainPrefix: prefix,
			HTTP: httpContext{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto,
				SourceIP: sourceIP, UserAgent: r.UserAgent(),
			},
			RequestID: requestID, RouteKey: routeKey, Stage: "$default",
			Time: at.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: at.UnixMilli(),
		},
	}
	if identity != nil {
		e.RequestContext.Authorizer = &authorizerContext{JWT: identity}
	}
	if len(body) > 0 {
		text := string(body)
		if !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body) {
			text, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
		}
		e.Body = &text
	}
	return e
}

// isText reports whether API Gateway hands a body of this content type over as
// it is. The guide says only that a binary body is base64-encoded; reported is
// that text/* and application/json, /javascript and /xml are text, and
// everything else, a missing content type too, is binary.
func isText(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch mediaType {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}

// headers are the request's, in lower case, duplicates joined by commas, with
// what API Gateway adds. Cookies travel apart.
func headers(r *http.Request, length int, sourceIP string) map[string]string {
	h := map[string]string{"host": r.Host, "x-forwarded-proto": "http"}
	for name, values := range r.Header {
		if name != "Cookie" {
			h[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	h["content-length"] = strconv.Itoa(length)
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		h["x-forwarded-port"] = port
	}
	forwarded := sourceIP
	if before := h["x-forwarded-for"]; before != "" {
		forwarded = before + ", " + sourceIP
	}
	h["x-forwarded-for"] = forwarded
	return h
}

func cookies(h http.Header) []string {
	var all []string
	for _, line := range h.Values("Cookie") {
		for _, cookie := range strings.Split(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				all = append(all, cookie)
			}
		}
	}
	return all
}

func query(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // what cannot be parsed is left out
	if len(values) == 0 {
		return nil
	}
	joined := make(map[string]string, len(values))
	for name, v := range values {
		joined[name] = strings.Join(v, ",")
	}
	return joined
}
