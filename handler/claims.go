package handler

import (
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// claims are an operator's unambiguous claims.
type claims map[string]claimValue

// claimValue is a text or a list of texts. Objects and arrays of objects are
// "other": present, but without a usable value.
type claimValue struct {
	text   string
	values []string
	isList bool
	other  bool
}

// one returns a claim that is a text and not empty.
func (c claims) one(name string) (string, bool) {
	text := c[name].text
	return text, text != ""
}

// list returns a claim as a list: an array, or a text that is one word. An absent
// claim is an empty list. Any other text may be one value or several: ok is false.
func (c claims) list(name string) (values []string, ok bool) {
	v, present := c[name]
	switch {
	case !present:
		return nil, true
	case v.isList:
		return v.values, true
	case v.text == "" || strings.ContainsFunc(v.text, separator):
		return nil, false
	}
	return []string{v.text}, true
}

// separator reports whether r may separate or enclose the values of a list.
func separator(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,"[]`, r) }

// tags returns the claims as a policy sees them: sets of strings.
func (c claims) tags() map[string][]string {
	tags := make(map[string][]string, len(c))
	for name, v := range c {
		if v.isList || v.other {
			tags[name] = v.values
		} else {
			tags[name] = []string{v.text}
		}
	}
	return tags
}

// readTyped reads claims that are JSON values: those of a token, of AppSync, of
// a Lambda authorizer. Null counts as absent.
func readTyped(values map[string]jsontext.Value) claims {
	read := make(claims, len(values))
	for name, value := range values {
		if text, ok := scalar(value); ok {
			read[name] = claimValue{text: text}
		} else if members, ok := jsonArray(value); ok {
			read[name] = claimValue{values: members, isList: true}
		} else if value.Kind() != 'n' {
			read[name] = claimValue{other: true}
		}
	}
	return read
}

// scalar returns a string, a number or a boolean as text.
func scalar(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return string(text), err == nil
	case '0', 't', 'f':
		return string(v), true
	}
	return "", false
}

// jsonArray reads an array of scalars.
func jsonArray(v jsontext.Value) ([]string, bool) {
	var raw []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &raw) != nil {
		return nil, false
	}
	members := make([]string, len(raw))
	for i, value := range raw {
		var ok bool
		if members[i], ok = scalar(value); !ok {
			return nil, false
		}
	}
	return members, true
}
