package handler

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// arrayFormat is how an authorizer renders an array as text. Neither format is
// reversible.
type arrayFormat bool

const (
	// bracketed: HTTP API's JWT authorizer renders ["a","b"] as "[a b]".
	bracketed arrayFormat = false
	// commas: REST API's Cognito authorizer renders it as "a,b", an HTTP API with
	// the same payload format as "[a b]".
	commas arrayFormat = true
)

// ambiguous reports whether a text may stand for an array, an object or null.
func (f arrayFormat) ambiguous(text string) bool {
	first, _, _ := strings.Cut(text, "[")
	switch {
	case strings.HasSuffix(text, "]") && len(first) < len(text) && (first == "" || first == "map"),
		strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}"),
		text == "<nil>", text == "null":
		return true
	}
	return f == commas && strings.Contains(text, ",")
}

// readTexts reads claims that an authorizer has verified and rendered as text. It
// never splits a text. If a text is ambiguous, it reads the claims from the token
// in the Authorization header, but only if they are exactly those the authorizer
// passed on. Otherwise reason says why there are no claims.
//
// The authorizer must read the token from the Authorization header, as in
// template.yaml and as API Gateway proposes. A deployment with another identity
// source must drop that header from requests.
func readTexts(texts map[string]string, authorization []string, f arrayFormat, groups string) (read claims, reason string) {
	read = make(claims, len(texts))
	ambiguous := strings.ContainsFunc(texts[groups], separator)
	for name, text := range texts {
		read[name] = claimValue{text: text}
		ambiguous = ambiguous || f.ambiguous(text)
	}
	if !ambiguous {
		return read, ""
	}
	token := tokenClaims(authorization)
	if !f.same(texts, token) {
		return nil, "a claim may be an array or a text, and the Authorization header has no token with exactly these claims"
	}
	return readTyped(token), ""
}

// tokenClaims returns the claims of the token in an Authorization header, or nil.
// It verifies nothing; same checks that it is the verified token.
func tokenClaims(authorization []string) (claims map[string]jsontext.Value) {
	if len(authorization) != 1 {
		return nil
	}
	parts := strings.Split(authorization[0], ".") // the first begins with "Bearer "
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	return claims
}

// same reports whether texts are exactly these claims. Authorizers leave null
// claims out.
func (f arrayFormat) same(texts map[string]string, token map[string]jsontext.Value) bool {
	found := 0
	for name, value := range token {
		if value.Kind() == 'n' {
			continue
		}
		text, ok := texts[name]
		if !ok || !f.renders(value, text) {
			return false
		}
		found++
	}
	return found == len(texts)
}

// renders reports whether the authorizer renders the value as this text.
func (f arrayFormat) renders(value jsontext.Value, text string) bool {
	switch value.Kind() {
	case '"':
		unquoted, _ := scalar(value)
		return unquoted == text
	case '0':
		return sameNumber(value, text) || sameTime(value, text)
	case 't', 'f':
		return string(value) == text
	case '[':
		if members, ok := jsonArray(value); ok {
			return text == "["+strings.Join(members, " ")+"]" || bool(f) && text == strings.Join(members, ",")
		}
	}
	// The text of objects and of arrays of objects is unknown. They are never
	// used as a group or a name, so accept any text.
	return text != ""
}

// sameTime reports whether text is the time as REST API's Cognito authorizer
// renders it: "Tue Apr 04 18:39:39 UTC 2023".
func sameTime(value jsontext.Value, text string) bool {
	at, err := time.Parse(time.UnixDate, text)
	return err == nil && strconv.FormatInt(at.Unix(), 10) == string(value)
}

// sameNumber reports whether text is the number, in any notation.
func sameNumber(value jsontext.Value, text string) bool {
	a, errA := strconv.ParseFloat(string(value), 64)
	b, errB := strconv.ParseFloat(text, 64)
	return errA == nil && errB == nil && a == b
}
