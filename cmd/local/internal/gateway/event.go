package gateway

import (
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// newEvent is payload format 2.0 (the guide, "Create AWS Lambda proxy
// integrations for HTTP APIs"). It is not written by aws-lambda-go's type, which
// adds an empty client certificate and never writes null scopes.
func newEvent(r *http.Request, body []byte, requestID string, who *identity, at time.Time) map[string]any {
	sourceIP, _, _ := net.SplitHostPort(r.RemoteAddr) // net/http writes it as host:port
	domainPrefix, _, _ := strings.Cut(r.Host, ".")
	routeKey := r.Method + " " + r.URL.Path
	requestContext := map[string]any{
		"accountId": "000000000000", "apiId": "local", "domainName": r.Host, "domainPrefix": domainPrefix,
		"http": map[string]string{
			"method": r.Method, "path": r.URL.Path, "protocol": r.Proto, "sourceIp": sourceIP, "userAgent": r.UserAgent(),
		},
		"requestId": requestID, "routeKey": routeKey, "stage": "$default",
		"time": at.UTC().Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": at.UnixMilli(),
	}
	if who != nil {
		requestContext["authorizer"] = map[string]any{"jwt": who}
	}
	event := map[string]any{
		"version": "2.0", "routeKey": routeKey, "rawPath": r.URL.Path, "rawQueryString": r.URL.RawQuery,
		"headers": headers(r, len(body), sourceIP), "requestContext": requestContext, "isBase64Encoded": false,
	}
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		query[name] = strings.Join(values, ",")
	}
	if len(query) > 0 {
		event["queryStringParameters"] = query
	}
	var cookies []string
	for _, cookie := range r.Cookies() {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	if len(cookies) > 0 {
		event["cookies"] = cookies
	}
	switch {
	case len(body) == 0:
	case isText(r.Header.Get("Content-Type")) && utf8.Valid(body):
		event["body"] = string(body)
	default:
		event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString(body), true
	}
	return event
}

// isText reports whether API Gateway passes a body of this content type on as
// text (reported; the guide says only that a binary body is base64-encoded).
func isText(contentType string) bool {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch mediaType {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}

// headers are in lower case, without the cookies, and with what API Gateway adds.
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
	if before := h["x-forwarded-for"]; before != "" {
		sourceIP = before + ", " + sourceIP
	}
	h["x-forwarded-for"] = sourceIP
	return h
}
