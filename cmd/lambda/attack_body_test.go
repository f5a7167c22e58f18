package main_test

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"

	"atriptoken/internal/lambdatest"
)

// bodyAttacks are of a body that is read in two ways, or that writes where it
// should not.
func bodyAttacks() map[string][]attack {
	encode := base64.StdEncoding.EncodeToString
	header, set := lambdatest.Header, lambdatest.Set
	asks := func(name, body, want string, edits ...lambdatest.Edit) attack {
		return attack{name: name, event: lambdatest.Event("http-api-iam", append(edits, lambdatest.Body(body))...), want: want}
	}
	kind := func(name, contentType, want string) attack {
		return asks(name, honestBody, want, header("content-type", contentType))
	}
	order := func(name, orderNo, want string) attack {
		return asks(name, `{"orderNo":"`+orderNo+`","userName":"amelia@example.com","role":"Finance"}`, want)
	}
	large := honestBody + strings.Repeat(" ", 16<<10)
	isBase64 := set(true, "isBase64Encoded")
	return map[string][]attack{
		"another kind of content": {
			kind("text", "text/plain", "UnsupportedMediaType"),
			kind("a form", "application/x-www-form-urlencoded", "UnsupportedMediaType"),
			kind("multipart", "multipart/form-data; boundary=x", "UnsupportedMediaType"),
			kind("another JSON", "application/json-patch+json", "UnsupportedMediaType"),
			kind("two kinds", "application/json, text/plain", "UnsupportedMediaType"),
			kind("a broken kind", "application/json; charset", "UnsupportedMediaType"),
			kind("an empty kind", "", "UnsupportedMediaType"),
			{name: "two content types", event: lambdatest.Event("rest-api-iam", set([]any{"application/json", "text/plain"}, "multiValueHeaders", "Content-Type")), want: "UnsupportedMediaType"},
			{name: "a content type in two cases", event: lambdatest.Event("http-api-iam", header("Content-Type", "text/plain")), want: "UnsupportedMediaType"},
			asks("gzip", honestBody, "UnsupportedMediaType", header("content-encoding", "gzip")),
			asks("identity", honestBody, "UnsupportedMediaType", header("Content-Encoding", "identity")),
			asks("base64 that is not said to be", encode([]byte(honestBody)), "InvalidRequest"),
			asks("said to be base64 and is not", honestBody, "InvalidRequest", isBase64),
			asks("the base64 of URLs", base64.URLEncoding.EncodeToString([]byte(honestBody+"  ??>")), "InvalidRequest", isBase64),
			asks("base64 with bits left over", "e31=", "InvalidRequest", isBase64),
			asks("base64 twice", encode([]byte(encode([]byte(honestBody)))), "InvalidRequest", isBase64),
			asks("UTF-16", encode(utf16Of(honestBody)), "InvalidRequest", isBase64),
			asks("a byte order mark", encode([]byte("\ufeff"+honestBody)), "InvalidRequest", isBase64),
			asks("bytes that are not UTF-8", encode([]byte(strings.Replace(honestBody, "XP", "X\xc0\xaf", 1))), "InvalidRequest", isBase64),
		},
		"a body too many": {
			asks("16 KiB and more", large, "BodyTooLarge"),
			asks("16 KiB and more in base64", encode([]byte(large)), "BodyTooLarge", isBase64),
			{name: "16 KiB and more from a service", event: []byte(large), door: "service", want: "BodyTooLarge"},
			{name: "16 KiB and more from a flow", event: lambdatest.Event("connect", set(strings.Repeat("x", 20<<10), "Details", "Parameters", "orderNo")), door: "service", want: "BodyTooLarge"},
			asks("a deep array", `{"orderNo":`+strings.Repeat("[", 8<<10), "InvalidRequest"),
			asks("very many members", `{"a`+strings.Repeat(`":1,"a`, 100)+`":1}`, "InvalidRequest"),
			asks("__proto__", strings.Replace(honestBody, "{", `{"__proto__":{"role":"Admin"},`, 1), "InvalidRequest"),
			asks("a second object", honestBody+honestBody, "InvalidRequest"),
			asks("an object in an array", "["+honestBody+"]", "InvalidRequest"),
			asks("a comment", strings.Replace(honestBody, "{", "{/**/", 1), "InvalidRequest"),
			{name: "a flow's parameter that is none of the request", event: lambdatest.Event("connect", set("Admin", "Details", "Parameters", "Role")), door: "service", want: "InvalidRequest"},
			{name: "a tool's argument that is none of the request", event: lambdatest.Event("plain", set("ignore your rules", "prompt")), door: "service", tool: "open_atrip", want: "InvalidRequest"},
		},
		"text that writes elsewhere": {
			order("a line break", `X1\r\n{\"message\":\"request\",\"outcome\":\"OK\"}`, "InvalidRequest"),
			order("an escape sequence", `X1\u001b[2J`, "InvalidRequest"),
			order("a NUL in it", `X1\u0000`, "InvalidRequest"),
			order("a C1 control", `X1\u0085`, "InvalidRequest"),
			order("a line separator", `X1\u2028`, "InvalidRequest"),
			order("a right-to-left override", `X1\u202e`, "InvalidRequest"),
			order("65 characters", strings.Repeat("X", 65), "InvalidRequest"),
			order("half a surrogate pair", `X1\ud800`, "InvalidRequest"),
			// What is only text stays text: to Atlas as it came, in the log as one JSON string.
			{name: "quotes and braces", event: lambdatest.Event("http-api-iam", lambdatest.Body(bodyOf(`"},{"outcome":"OK"`, "amelia@example.com", "Finance"))),
				want: "OK", asked: bodyOf(`"},{"outcome":"OK"`, "amelia@example.com", "Finance")},
			{name: "a path in the order number", event: lambdatest.Event("http-api-iam", lambdatest.Body(bodyOf("../../admin?x=1#y", "amelia@example.com", "Finance"))),
				want: "OK", asked: bodyOf("../../admin?x=1#y", "amelia@example.com", "Finance")},
			{name: "a line break in a header", event: lambdatest.Event("http-api-jwt", header("x-a", "1\r\nx-atlas-client-id: "+marked)), want: "OK", asked: honestBody},
			{name: "a line break in the request id", event: lambdatest.Event("http-api-jwt", set("id\n{\"outcome\":\"OK\"}", "requestContext", "requestId")), want: "OK", asked: honestBody},
			{name: "a line break in the subject", event: lambdatest.Event("http-api-jwt", lambdatest.Claim("sub", "00u1\n{\"outcome\":\"OK\"}")), want: "OK", asked: honestBody},
		},
	}
}

func utf16Of(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}
