package policy

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"
)

// Problem is what is wrong at one place of a policy file. Its Error is one line.
type Problem struct {
	File         string
	Line, Column int    // from 1; a column is a character
	Text         string // what is wrong and what is expected
	Warning      bool   // the function accepts it
	source       string // the line
}

// ProblemAt returns the problem at a byte offset of the file's text.
func ProblemAt(file string, text []byte, offset int, format string, args ...any) Problem {
	start := bytes.LastIndexByte(text[:offset], '\n') + 1
	source, _, _ := bytes.Cut(text[start:], []byte("\n"))
	return Problem{
		File: file, Line: bytes.Count(text[:offset], []byte("\n")) + 1, Column: utf8.RuneCount(text[start:offset]) + 1,
		Text: fmt.Sprintf(format, args...), source: string(source),
	}
}

func (p Problem) Error() string {
	kind := map[bool]string{true: "warning: "}[p.Warning]
	return fmt.Sprintf("%s:%d:%d: %s%s", p.File, p.Line, p.Column, kind, p.Text)
}

// Excerpt returns Error, the line and a mark below the place.
func (p Problem) Excerpt() string {
	before := []rune(p.source)[:p.Column-1]
	for i, r := range before {
		if r != '\t' {
			before[i] = ' '
		}
	}
	return fmt.Sprintf("%v\n    %s\n    %s^", p.Error(), p.source, string(before))
}

// Token is a word, a number, a text in quotes or a sign of a policy file.
type Token struct {
	Offset int
	Text   string
}

// Tokens returns the file's tokens. A comment is not one.
func Tokens(text []byte) (tokens []Token) {
	pattern := regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|\d+|[A-Za-z_]\w*|[=!<>]=|&&|\|\||::|//[^\n]*|/\*(?s:.*?)\*/|\S`)
	for _, at := range pattern.FindAllIndex(text, -1) {
		token := Token{at[0], string(text[at[0]:at[1]])}
		if !strings.HasPrefix(token.Text, "//") && !strings.HasPrefix(token.Text, "/*") {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// expectations say what cedar-go's messages expect, in a user's words.
var expectations = []struct{ message, expected string }{
	{`^exact got = want .*`, "`==`"},
	{`^(?:exact )?got .* want (.*)$`, "`$1`"},
	{`^unexpected effect.*`, "`permit` or `forbid`"},
	{`^expected ident.*`, "a name"},
	{`^expected string.*`, "a text in double quotes"},
	{`^(invalid primary|unexpected token)`, "a value, such as context.role or a text in double quotes"},
}

// syntaxProblem returns the problem for which cedar-go's parser refuses the text.
// The parser reports the place of the token after the wrong one, so the text gets
// two more at its end.
func syntaxProblem(file string, text []byte) Problem {
	longer := slices.Concat(text, []byte("\n$ $"))
	tokens := Tokens(longer)
	_, err := cedar.NewPolicyListFromBytes(file, longer)
	place := regexp.MustCompile(`(parse error at )?<input>:(\d+:\d+)(?: "(?:[^"\\]|\\.)*")?: (.*)$`).FindStringSubmatch(err.Error())
	next := slices.IndexFunc(tokens, func(t Token) bool {
		at := ProblemAt(file, longer, t.Offset, "")
		return place != nil && place[2] == fmt.Sprintf("%d:%d", at.Line, at.Column)
	})
	if place == nil { // no value: a number of more than 64 bits, an escape that a text must not have
		next = sort.Search(len(tokens)-1, func(i int) bool { // the token after which the parser stops
			_, read := cedar.NewPolicyListFromBytes(file, longer[:tokens[i].Offset+len(tokens[i].Text)])
			return read != nil && read.Error() == err.Error()
		})
	}
	switch {
	case next < 0:
		return ProblemAt(file, text, 0, "is not a Cedar policy: %v", err)
	case place == nil:
		reason := err.Error()
		reason = reason[strings.LastIndex(reason, ": ")+2:]
		return ProblemAt(file, text, tokens[next].Offset, "%s cannot be read: %s", tokens[next].Text, reason)
	case place[1] == "": // from the scanner, at the token itself
		return ProblemAt(file, text, tokens[next].Offset, "%s", place[3])
	}
	message, wrong := place[3], tokens[max(next-1, 0)]
	if strings.HasPrefix(message, "got ") { // the parser has not passed it
		wrong = tokens[next]
	}
	found := fmt.Sprintf("`%s`", wrong.Text)
	if wrong.Offset > len(text) {
		wrong.Offset, found = len(bytes.TrimRight(text, " \t\r\n")), "the end of the file"
	}
	for _, e := range expectations {
		if pattern := regexp.MustCompile(e.message); pattern.MatchString(message) {
			return ProblemAt(file, text, wrong.Offset, "expected %s, found %s", pattern.ReplaceAllString(message, e.expected), found)
		}
	}
	// The message is about a name before the place.
	names := regexp.MustCompile(`\w+`).FindAllString(message, -1)
	for _, t := range slices.Backward(tokens[:next]) {
		if slices.Contains(names, t.Text) {
			wrong = t
			break
		}
	}
	return ProblemAt(file, text, wrong.Offset, "%s", message)
}
