package handler

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// arrayPrint is the form in which an authorizer prints an array. None can be
// read back for sure.
type arrayPrint bool

const (
	// bracketed: HTTP API's JWT authorizer prints ["a","b"] as "[a b]".
	bracketed arrayPrint = false
	// commas: REST API's Cognito authorizer prints it as "a,b"; an HTTP API in
	// the same payload format as "[a b]".
	commas arrayPrint = true
)

// doubtful reports whether a claim's print may stand for an array that cannot
// be told apart. "[word]" is an array of one word: a string that looks so would
// give its bearer no more than the string "word" does.
func (p arrayPrint) doubtful(print string) bool {
	if inner, ok := strings.CutPrefix(print, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.ContainsAny(strings.TrimSuffix(inner, "]"), whiteSpace+`[]",`)
	}
	return bool(p) && strings.Contains(print, ",")
}

// readPrinted reads claims that an authorizer has verified and printed. Where a
// print leaves a doubt, the arrays are taken from the token itself, as it came
// in the Authorization header, which is where the authorizer read it; but only
// if every claim that the authorizer printed is the token's and the other way
// round. Otherwise why says what is in doubt, and nobody is identified.
//
// The check rests on the authorizer's identity source being the Authorization
// header, as in template.yaml and as API Gateway proposes. A deployment that
// has the authorizer read the token elsewhere must drop that header from
// requests, or have group names without spaces.
func readPrinted(printed map[string]string, authorization []string, p arrayPrint) (read claims, why string) {
	var doubts []string
	read = make(claims, len(printed))
	for name, print := range printed {
		inner, isArray := strings.CutPrefix(print, "[")
		switch {
		case p.doubtful(print):
			doubts = append(doubts, name)
		case isArray && strings.HasSuffix(inner, "]"):
			read[name] = claimValue{values: strings.Fields(strings.TrimSuffix(inner, "]")), isList: true}
		default:
			read[name] = claimValue{text: print}
		}
	}
	if len(doubts) == 0 {
		return read, ""
	}
	token, ok := tokenClaims(authorization)
	if !ok {
		return nil, "a claim is printed so that an array cannot be told from a text, and there is no token to read it from"
	}
	if !p.same(printed, token) {
		return nil, "a claim is printed so that an array cannot be told from a text, and the token in the request is another"
	}
	typed := readTyped(token)
	for _, name := range doubts {
		read[name] = typed[name]
	}
	return read, ""
}

// tokenClaims returns the claims of the token in an Authorization header. It
// verifies nothing: same tells whether it is the verified one.
func tokenClaims(authorization []string) (map[string]jsontext.Value, bool) {
	if len(authorization) != 1 {
		return nil, false
	}
	parts := strings.Split(authorization[0], ".") // Bearer stands before the first
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

// same reports whether printed is the print of exactly these claims. Null
// claims are not printed.
func (p arrayPrint) same(printed map[string]string, token map[string]jsontext.Value) bool {
	held := 0
	for name, value := range token {
		if value.Kind() == 'n' {
			continue
		}
		print, ok := printed[name]
		if !ok || !p.prints(value, print) {
			return false
		}
		held++
	}
	return held == len(printed)
}

// prints reports whether print is how the authorizer prints the value.
func (p arrayPrint) prints(value jsontext.Value, print string) bool {
	switch value.Kind() {
	case '"':
		text, _ := scalar(value)
		return text == print
	case '0':
		return sameNumber(value, print) || sameTime(value, print)
	case 't', 'f':
		return string(value) == print
	case '[':
		members, ok := jsonArray(value)
		return ok && (print == "["+strings.Join(members, " ")+"]" ||
			bool(p) && print == strings.Join(members, ",")) ||
			// How arrays of other things are printed is not known. They are
			// no groups and no name, so that nothing hangs on them.
			!ok && print != ""
	default: // an object, likewise
		return print != ""
	}
}

// sameTime reports whether print is the time, which REST API's Cognito
// authorizer prints as "Tue Apr 04 18:39:39 UTC 2023".
func sameTime(value jsontext.Value, print string) bool {
	at, err := time.Parse(time.UnixDate, print)
	return err == nil && strconv.FormatInt(at.Unix(), 10) == string(value)
}

// sameNumber reports whether print is the number in another notation.
func sameNumber(value jsontext.Value, print string) bool {
	a, errA := strconv.ParseFloat(string(value), 64)
	b, errB := strconv.ParseFloat(print, 64)
	return errA == nil && errB == nil && a == b
}
