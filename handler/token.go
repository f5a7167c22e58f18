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

// ambiguous reports whether a text may be an array. "[word]" counts as an array
// of one word.
func (f arrayFormat) ambiguous(text string) bool {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.ContainsAny(strings.TrimSuffix(inner, "]"), whiteSpace+`[]",`)
	}
	return bool(f) && strings.Contains(text, ",")
}

// readTexts reads claims that an authorizer has verified and rendered as text. If
// a text is ambiguous, it reads the array from the token in the Authorization
// header, but only if that token's claims are exactly those the authorizer passed
// on. Otherwise reason says what is ambiguous.
//
// The authorizer must read the token from the Authorization header, as in
// template.yaml and as API Gateway proposes. A deployment with another identity
// source must drop that header from requests, or use group names without spaces.
func readTexts(texts map[string]string, authorization []string, f arrayFormat) (read claims, reason string) {
	var ambiguous []string
	read = make(claims, len(texts))
	for name, text := range texts {
		inner, isArray := strings.CutPrefix(text, "[")
		switch {
		case f.ambiguous(text):
			ambiguous = append(ambiguous, name)
		case isArray && strings.HasSuffix(inner, "]"):
			read[name] = claimValue{values: strings.Fields(strings.TrimSuffix(inner, "]")), isList: true}
		default:
			read[name] = claimValue{text: text}
		}
	}
	if len(ambiguous) == 0 {
		return read, ""
	}
	token, ok := tokenClaims(authorization)
	if !ok {
		return nil, "a claim may be an array or a text, and the request has no token to read it from"
	}
	if !f.same(texts, token) {
		return nil, "a claim may be an array or a text, and the token in the request has other claims"
	}
	typed := readTyped(token)
	for _, name := range ambiguous {
		read[name] = typed[name]
	}
	return read, ""
}

// tokenClaims returns the claims of the token in an Authorization header. It
// verifies nothing; same checks that it is the verified token.
func tokenClaims(authorization []string) (map[string]jsontext.Value, bool) {
	if len(authorization) != 1 {
		return nil, false
	}
	parts := strings.Split(authorization[0], ".") // the first begins with "Bearer "
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	var values map[string]jsontext.Value
	if json.Unmarshal(payload, &values) != nil {
		return nil, false
	}
	return values, true
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
