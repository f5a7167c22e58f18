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
// integrations for HTTP APIs"), without cookies and queryStringParameters: they
// repeat headers and rawQueryString. It is not written by aws-lambda-go's type,
// which adds an empty client certificate.
func newEvent(r *http.Request, body []byte, requestID string, jwt map[string]any) map[string]any {
	sourceIP, _, _ := net.SplitHostPort(r.RemoteAddr) // net/http writes it as host:port
	domainPrefix, _, _ := strings.Cut(r.Host, ".")
	routeKey := r.Method + " " + r.URL.Path
	now := time.Now()
	requestContext := map[string]any{
		"accountId": "000000000000", "apiId": "local", "domainName": r.Host, "domainPrefix": domainPrefix,
		"http": map[string]string{
			"method": r.Method, "path": r.URL.Path, "protocol": r.Proto, "sourceIp": sourceIP, "userAgent": r.UserAgent(),
		},
		"requestId": requestID, "routeKey": routeKey, "stage": "$default",
		"time": now.UTC().Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
	}
	if jwt != nil {
		requestContext["authorizer"] = map[string]any{"jwt": jwt}
	}
	event := map[string]any{
		"version": "2.0", "routeKey": routeKey, "rawPath": r.URL.Path, "rawQueryString": r.URL.RawQuery,
		"headers": headers(r, len(body), sourceIP), "requestContext": requestContext, "isBase64Encoded": false,
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

// headers are in lower case, with what API Gateway adds.
func headers(r *http.Request, length int, sourceIP string) map[string]string {
	h := map[string]string{"host": r.Host, "x-forwarded-proto": "http"}
	for name, values := range r.Header {
		h[strings.ToLower(name)] = strings.Join(values, ",")
	}
	h["content-length"] = strconv.Itoa(length)
	if before := h["x-forwarded-for"]; before != "" {
		sourceIP = before + ", " + sourceIP
	}
	h["x-forwarded-for"] = sourceIP
	return h
}
