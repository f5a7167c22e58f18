package policycheck

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"

	"atriptoken/policy"
)

// reworded are the validator's complaints in a user's words. names returns what
// the schema has instead.
var reworded = []struct {
	complaint *regexp.Regexp
	text      string
	names     func(match []string) []string
}{
	{regexp.MustCompile("^attribute `(.*)` on entity type `(.*)` not found$"), "$2 has no attribute `$1`",
		func(m []string) []string { return names(declared().Entities[types.EntityType(m[2])].Shape) }},
	{regexp.MustCompile("^attribute `(.*)` in context .*$"), "the context has no `$1`",
		func([]string) []string { return names(openPortal().Context) }},
	{regexp.MustCompile("^unrecognized entity type `(.*)`$"), "there is no entity type `$1`",
		func([]string) []string { return append(names(declared().Entities), names(declared().Enums)...) }},
	{regexp.MustCompile("^unrecognized action `(.*)`$"), "there is no action `$1`",
		func([]string) []string { return []string{`Action::"` + policy.Action + `"`} }},
	{regexp.MustCompile("^.* optional attribute `(.*)` in context .*$"), "`$1` may be absent; write `context has $1 &&` before it", nil},
	{regexp.MustCompile("^.* access to tag `(.*)` on entity type .*$"),
		"the claim `$1` may be absent; write `principal.hasTag($1) &&` before it", nil},
	{regexp.MustCompile("^.* applicable action .*$"), "no request has such a `principal` and resource", nil},
	{regexp.MustCompile("^error during .*: failed to parse as (.*): `(.*)`$"), "`$2` cannot be read as $1", nil},
	{regexp.MustCompile("^unexpected type: expected (.*) but saw (.*)$"), "expected $1, found $2", nil},
}

// complain adds a complaint about text[start:end], at the word that it quotes.
func (f *file) complain(start, end int, complaint string) {
	text := strings.ReplaceAll(complaint, "__cedar::internal::Any", "any")
	for _, r := range reworded {
		if match := r.complaint.FindStringSubmatch(text); match != nil {
			text = r.complaint.ReplaceAllString(text, r.text)
			if r.names != nil {
				text += strings.TrimSuffix("; expected "+strings.Join(r.names(match), ", "), "; expected ")
			}
			break
		}
	}
	_, quoted, _ := strings.Cut(text, "`")
	quoted, _, _ = strings.Cut(quoted, "`")
	inside := func(t policy.Token) bool { return start <= t.Offset && t.Offset < end }
	at := slices.IndexFunc(f.tokens, func(t policy.Token) bool { return inside(t) && strings.HasPrefix(quoted, t.Text) })
	if at < 0 {
		at = slices.IndexFunc(f.tokens, inside)
	}
	f.add(f.tokens[at].Offset, "%s", text)
}

func names[K ~string, V any](m map[K]V) (sorted []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		sorted = append(sorted, string(name))
	}
	return sorted
}

// words adds ids and types that the schema does not list, which the validator
// accepts in conditions, and texts that are nearly one of the default policy's.
func (f *file) words() {
	var known []string
	for _, t := range policy.Tokens(policy.Default) {
		known = append(known, t.Text)
	}
	for i := 1; i < len(f.tokens); i++ {
		before, t := f.tokens[:i], f.tokens[i]
		last := before[i-1].Text
		switch text := strings.Trim(t.Text, `"`); {
		case last == "is":
			kind := types.EntityType(t.Text)
			_, entity := declared().Entities[kind]
			if _, enum := declared().Enums[kind]; !entity && !enum {
				f.complain(t.Offset, t.Offset+len(t.Text), "unrecognized entity type `"+t.Text+"`")
			}
		case t.Text[0] != '"':
		case last == "::":
			uid := types.NewEntityUID(types.EntityType(before[i-2].Text), types.String(text))
			if enum, ok := declared().Enums[uid.Type]; ok && !slices.Contains(enum.Values, uid) {
				f.add(before[i-2].Offset, "%s never occurs; expected one of %v", uid, enum.Values)
			}
		case i > 2 && before[i-3].Text == "@": // an annotation
		case !slices.Contains(known, t.Text):
			if k := slices.IndexFunc(known, func(k string) bool { return near(t.Text, k) }); k >= 0 {
				f.warn(t.Offset, "%s differs by one letter from %s of the default policy", t.Text, known[k])
			}
		}
	}
}

// near reports whether one letter, or the case of letters, is what a and b differ in.
func near(a, b string) bool {
	same := strings.EqualFold(a, b)
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return same || len(a) <= 1 && len(b) <= 1
}
