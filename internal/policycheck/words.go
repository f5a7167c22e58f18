package policycheck

import (
	"bytes"
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

var backquoted = regexp.MustCompile("`(.+?)`")

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
	start += len(f.bare[start:end]) - len(bytes.TrimLeft(f.bare[start:end], " \t\r\n"))
	if word := backquoted.FindStringSubmatch(text); word != nil {
		if at := regexp.MustCompile(`(?:^|\W)(` + regexp.QuoteMeta(word[1]) + `)(?:\W|$)`).FindSubmatchIndex(f.bare[start:end]); at != nil {
			start += at[2]
		}
	}
	f.add(start, "%s", text)
}

func names[K ~string, V any](m map[K]V) (sorted []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		sorted = append(sorted, string(name))
	}
	return sorted
}

var (
	entity   = regexp.MustCompile(`\b(\w+)::"((?:[^"\\]|\\.)*)"`)
	typeTest = regexp.MustCompile(`\bis\s+(\w+)`)
	// literal is a text that is neither an annotation's nor an entity's id.
	literal = regexp.MustCompile(`(@\w+\s*\(\s*|::\s*)?"((?:[^"\\]|\\.)*)"`)
)

// words adds ids and types that the schema does not list, which the validator
// accepts in conditions, and texts that are nearly one of the default policy's.
func (f *file) words() {
	for _, at := range entity.FindAllSubmatchIndex(f.bare, -1) {
		uid := types.NewEntityUID(types.EntityType(f.bare[at[2]:at[3]]), types.String(f.bare[at[4]:at[5]]))
		if enum, ok := declared().Enums[uid.Type]; ok && !slices.Contains(enum.Values, uid) {
			f.add(at[0], "%s never occurs; expected one of %v", uid, enum.Values)
		}
	}
	for _, at := range typeTest.FindAllSubmatchIndex(f.code, -1) {
		kind := types.EntityType(f.code[at[2]:at[3]])
		_, entity := declared().Entities[kind]
		if _, enum := declared().Enums[kind]; !entity && !enum {
			f.complain(at[2], at[3], "unrecognized entity type `"+string(kind)+"`")
		}
	}
	var known []string
	for _, word := range literal.FindAllSubmatch(blank(policy.Default, '/'), -1) {
		known = append(known, string(word[2]))
	}
	for _, at := range literal.FindAllSubmatchIndex(f.bare, -1) {
		word := string(f.bare[at[4]:at[5]])
		if i := slices.IndexFunc(known, func(k string) bool { return near(word, k) }); at[2] < 0 && i >= 0 && !slices.Contains(known, word) {
			f.warn(at[4]-1, "%q differs by one letter from %q of the default policy", word, known[i])
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
