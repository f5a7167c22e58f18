package handler_test

import (
	"strings"
	"testing"
)

func TestEvent_Invalid(t *testing.T) {
	t.Parallel()
	const notJSON, otherType, unknown, two = "is not strict JSON", "a member has another type", "has no known shape. Known are",
		"the shapes of two callers"
	b := newBroker(t)
	for name, row := range map[string]struct{ payload, want string }{
		"nothing": {"", notJSON}, "not JSON": {"hello", notJSON}, "two objects": {good + good, notJSON}, "not UTF-8": {"\xff\xfe", notJSON},
		"a member twice":   {`{"role":"a","role":"b"}`, notJSON},
		"a context twice":  {`{"version":"2.0","requestContext":{},"requestContext":{"http":{"method":"POST"}}}`, notJSON},
		"6 MB of brackets": {strings.Repeat("[", 6<<20), otherType},
		"a number":         {"7", otherType}, "a string": {`"x"`, otherType}, "an array": {"[" + good + "]", otherType},
		"a version of another type": {`{"version":2.0,"requestContext":{"http":{"method":"POST"}}}`, otherType},
		"a context as array":        {`{"version":"2.0","requestContext":[]}`, otherType},
		"null":                      {"null", unknown}, "an empty object": {"{}", unknown},
		"6 MB":              {`{"x":"` + strings.Repeat("a", 6<<20) + `"}`, unknown},
		"an SQS event":      {`{"Records":[{"body":` + quoted(good) + `}]}`, unknown},
		"a scheduled event": {`{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events","detail":` + good + `}`, unknown},
		"a websocket event": {`{"requestContext":{"routeKey":"$connect","connectionId":"x"}}`, unknown},
		"unknown version":   {`{"version":"3.0","requestContext":{"http":{"method":"POST"}}}`, unknown},

		"Connect and plain":          {`{"Details":{},"role":"a"}`, two},
		"AppSync and HTTP API":       {string(sample("http-api-iam", set(map[string]any{}, "info"))), two},
		"Connect and HTTP API":       {string(sample("http-api-iam", set(map[string]any{}, "Details"))), two},
		"REST API and load balancer": {string(sample("load-balancer", set(map[string]any{}, "requestContext", "identity"))), two},
		"HTTP API and load balancer": {string(sample("load-balancer", set("2.0", "version"),
			set(map[string]any{}, "requestContext", "http"))), two},
	} {
		out, code, message := b.plain(row.payload)
		if code != "InvalidRequest" || out != nil || !strings.Contains(message, row.want) {
			t.Errorf("%s: %s %q %q, want %q", name, code, message, out, row.want)
		}
		if got := b.audit()["outcome"]; got != "InvalidRequest" || b.attempts() != 0 {
			t.Errorf("%s: the audit line's outcome is %v, after %d calls of Atlas", name, got, b.attempts())
		}
	}
}

// An event over 256 KiB is refused without being parsed: its claims alone could
// fill the memory. An HTTP caller still gets an HTTP answer.
func TestEvent_Oversized(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	b := newBroker(t)
	array := make([]any, 3<<20)
	for name, row := range map[string]struct {
		event []byte
		door  string
		want  string
	}{
		"HTTP API, a large body":  {sample("http-api-jwt", body(strings.Repeat("x", 6<<20))), "api", `"statusCode":413`},
		"HTTP API, a large array": {sample("http-api-jwt", claim("groups", array)), "api", `"statusCode":413`},
		"a member twice":          {padded([]byte(`{"version":"2.0",`+string(sample("http-api-jwt")[1:])), limit+1), "api", `"statusCode":413`},
		"load balancer":           {padded(sample("load-balancer"), limit+1), "api", `"statusCode":413,"statusDescription"`},
		"through the wrong alias": {padded(sample("http-api-jwt"), limit+1), "service", `"statusCode":403`},
		"AppSync":                 {padded(sample("appsync-iam"), limit+1), "api", "BodyTooLarge"},
		"Connect":                 {padded(sample("connect"), limit+1), "service", `"code":"BodyTooLarge"`},
		"plain":                   {padded([]byte(good), limit+1), "service", "BodyTooLarge"},
		"plain, not JSON":         {padded([]byte(good[:20]), limit+1), "service", "InvalidRequest"},
		"just fits":               {padded(sample("http-api-jwt"), limit), "api", `"statusCode":200`},
	} {
		out, err := b.call(row.door, row.event)
		code, message := functionError(t, err)
		if got := string(out) + code + message; !strings.Contains(got, row.want) {
			t.Errorf("%s: %.200s, want %s", name, got, row.want)
		}
	}
}

// padded returns the event with white space at its end.
func padded(event []byte, size int) []byte {
	return append(event, strings.Repeat(" ", size-len(event))...)
}
