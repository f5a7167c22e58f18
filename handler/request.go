package handler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/atlas"
)

const (
	// maxBody is the largest request body in bytes, after base64 decoding.
	maxBody = 16 << 10
	// The longest values, in characters.
	maxOrderNo  = 64
	maxUserName = 128
	// maxFieldErrors bounds the faults that one answer names.
	maxFieldErrors = 20
	// maxEcho is the longest member name that an answer repeats.
	maxEcho = 64
)

// readRequest reads the request strictly: one object, exact member names, no
// duplicates, strings, valid UTF-8, nothing after it. (encoding/json ignores case
// and lets the last duplicate win, so that two readers can see different roles.)
// It returns the request for Atlas, or a fault for every bad member. If userName
// is absent, operator, the signed-in operator's name, replaces it.
func readRequest(body []byte, roles []string, operator string) (atlas.Request, []fieldError) {
	var members map[string]jsontext.Value
	err := json.Unmarshal(body, &members)
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax): // its text quotes the body: use only the position
		detail := fmt.Sprintf("is not strict JSON (RFC 8259, UTF-8, no member twice, nothing after it) at byte %d", syntax.ByteOffset)
		return atlas.Request{}, []fieldError{{"", detail}}
	case members == nil:
		return atlas.Request{}, []fieldError{{"", "must be one JSON object"}}
	}
	var request atlas.Request
	var faults []fieldError
	for _, field := range []struct {
		name  string
		to    *string
		check func(string) string
	}{
		{"orderNo", &request.OrderNo, func(s string) string { return checkText(s, maxOrderNo) }},
		{"userName", &request.UserName, func(s string) string { return checkText(s, maxUserName) }},
		{"role", &request.Role, func(s string) string { return checkRole(s, roles) }},
	} {
		value, present := members[field.name]
		delete(members, field.name)
		detail := ""
		switch {
		case present && value.Kind() != '"':
			detail = "must be a string"
		case present:
			*field.to, _ = scalar(value)
			detail = field.check(*field.to)
		case field.name == "userName" && operator != "":
			*field.to = operator
			detail = field.check(operator)
		default:
			detail = "is required"
		}
		if detail != "" {
			faults = append(faults, fieldError{"/" + field.name, detail})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if len(faults) < maxFieldErrors {
			detail := "is not a member of the request; it takes orderNo, userName and role, spelled like that"
			faults = append(faults, fieldError{pointer(name), detail})
		}
	}
	return request, faults
}

// pointer returns the JSON pointer to a member, or "" for a name not fit to repeat.
func pointer(name string) string {
	if len(name) > maxEcho || strings.ContainsFunc(name, ControlCharacter) {
		return ""
	}
	return string(jsontext.Pointer("").AppendToken(name))
}

// checkText returns what is wrong with a text of 1 to most characters, or "".
func checkText(s string, most int) string {
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return "must not be empty"
	case n > most:
		return fmt.Sprintf("must have at most %d characters", most)
	case strings.ContainsFunc(s, ControlCharacter):
		return "must not contain control characters"
	case unicode.IsSpace(first) || unicode.IsSpace(last):
		return "must not start or end with a space"
	}
	return ""
}

// ControlCharacter reports characters that change how a log or a page shows text:
// controls, line and paragraph separators, and marks that reorder text.
func ControlCharacter(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func checkRole(s string, roles []string) string {
	if slices.Contains(roles, s) {
		return ""
	}
	return fmt.Sprintf("must be one of %q", roles)
}
