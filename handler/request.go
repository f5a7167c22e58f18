package handler

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/atlas"
)

const (
	// maxBody is the largest request body in bytes, after base64 decoding.
	maxBody = 16 << 10
	// The longest values, in characters.
	maxOrderNo  = 64
	maxUserName = 128
	// maxFieldErrors bounds how many faults one answer names.
	maxFieldErrors = 20
	// maxEcho is the longest part of a member's name that an answer repeats.
	maxEcho = 64
)

// members are what a request may hold; nil means that it is absent.
type members struct {
	orderNo, userName, role *string
	faults                  []fieldError
	// broken: there was no object to look for the members in.
	broken bool
}

// decode reads the request's JSON strictly: one object, the three members by
// their exact names and each at most once, strings, valid UTF-8, nothing after
// it. encoding/json matches names regardless of case and lets the last
// duplicate win, so that whoever looked at "role" first may have seen another
// value than the one sent on.
func decode(body []byte) (m members) {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	first, err := dec.ReadToken()
	switch {
	case err != nil:
		return m.syntax(dec)
	case first.Kind() != '{':
		m.broken = true
		return m.fault("", "must be one JSON object")
	}
	for {
		name, err := dec.ReadToken()
		switch {
		case err != nil:
			return m.syntax(dec)
		case name.Kind() == '}':
			if _, err := dec.ReadToken(); err != io.EOF {
				return m.fault("", "must be one JSON object and nothing after it")
			}
			return m
		}
		member := name.String() // a copy: the token is only valid until the next read
		value, err := dec.ReadValue()
		if err != nil {
			return m.syntax(dec)
		}
		m = m.set(member, value)
	}
}

func (m members) set(name string, value jsontext.Value) members {
	var to **string
	switch name {
	case "orderNo":
		to = &m.orderNo
	case "userName":
		to = &m.userName
	case "role":
		to = &m.role
	default:
		return m.fault(pointer(name), "is not a member of the request; it takes orderNo, userName and role, spelled like that")
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil { // it is no string
		none := ""
		*to = &none // present, so that it is not reported as missing too
		return m.fault(pointer(name), "must be a string")
	}
	s := string(text)
	*to = &s
	return m
}

// fault adds a fault, up to a bound.
func (m members) fault(pointer, detail string) members {
	if len(m.faults) < maxFieldErrors {
		m.faults = append(m.faults, fieldError{pointer, detail})
	}
	return m
}

// syntax reports JSON that cannot be read on; what came before it is dropped,
// since nothing of a broken body counts. The decoder's own text quotes the
// body, so only the place is taken from it.
func (m members) syntax(dec *jsontext.Decoder) members {
	return members{broken: true}.fault("", fmt.Sprintf(
		"is not strict JSON (RFC 8259, UTF-8, no member twice) at byte %d", dec.InputOffset()))
}

func pointer(name string) string {
	if len(name) > maxEcho {
		return ""
	}
	return string(jsontext.Pointer("").AppendToken(name))
}

// validate checks the members and returns the request that goes to Atlas.
// operator, when not "", is the signed-in operator's name: it stands in for an
// absent userName. Every bad member is named.
func (m members) validate(roles []string, operator string) (atlas.Request, []fieldError) {
	if m.userName == nil && operator != "" {
		m.userName = &operator
	}
	faulty := func(name string) bool {
		return slices.ContainsFunc(m.faults, func(f fieldError) bool { return f.Pointer == "/"+name })
	}
	for _, field := range []struct {
		name  string
		value *string
		check func(string) string
	}{
		{"orderNo", m.orderNo, func(s string) string { return text(s, maxOrderNo) }},
		{"userName", m.userName, func(s string) string { return text(s, maxUserName) }},
		{"role", m.role, func(s string) string { return oneOf(s, roles) }},
	} {
		switch {
		case m.broken, faulty(field.name):
		case field.value == nil:
			m = m.fault("/"+field.name, "is required")
		default:
			if detail := field.check(*field.value); detail != "" {
				m = m.fault("/"+field.name, detail)
			}
		}
	}
	if len(m.faults) > 0 {
		return atlas.Request{}, m.faults
	}
	return atlas.Request{OrderNo: *m.orderNo, UserName: *m.userName, Role: *m.role}, nil
}

// text says what is wrong with a value of 1 to most characters, "" for nothing.
func text(s string, most int) string {
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return "must not be empty"
	case n > most:
		return fmt.Sprintf("must have at most %d characters", most)
	case strings.ContainsFunc(s, control):
		return "must not hold control characters"
	case unicode.IsSpace(first) || unicode.IsSpace(last):
		return "must not start or end with a space"
	}
	return ""
}

// control reports what a log, a header or a page could take for markup of its
// own: controls, line and paragraph separators, and marks that reorder text.
func control(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func oneOf(s string, roles []string) string {
	if slices.Contains(roles, s) {
		return ""
	}
	return fmt.Sprintf("must be one of %q", roles)
}
