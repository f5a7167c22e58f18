package policy

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
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

// The patterns are compiled when a file is wrong: no start pays for them.
const (
	// syntaxError is the form of cedar-go's errors: line, column, message.
	syntaxError = `<input>:(\d+):(\d+)(?: "(?:[^"\\]|\\.)*")?: (.*)$`
	// lastToken is the last word, text or sign, before spaces and comments.
	lastToken = `("(?:[^"\\\n]|\\.)*"|\w+|[=!<>]=|&&|\|\||::|[^\s\w])(?:\s|//[^\n]*(?:\n|$))*$`
	// about finds the name that a message is about.
	about = "^`(\\w+)` is|^(\\w+) expects|^duplicate [a-z]+: @?(.*)$"
)

// expectations say what cedar-go's messages expect, in a user's words.
var expectations = []struct{ message, expected string }{
	{`^exact got = want .*`, "`==`"},
	{`^(?:exact )?got .* want (.*)$`, "`$1`"},
	{`^unexpected effect.*`, "`permit` or `forbid`"},
	{`^expected ident.*`, "a name"},
	{`^expected string.*`, "a text in double quotes"},
	{`^(invalid primary|unexpected token)`, "a value, such as context.role or a text in double quotes"},
}

// syntaxProblem returns the problem of which cedar-go's parser reports the token
// after the wrong one.
func syntaxProblem(file string, text []byte, err error) Problem {
	place := regexp.MustCompile(syntaxError).FindStringSubmatch(err.Error())
	if place == nil {
		var number *strconv.NumError // the parser's only error without a place
		if errors.As(err, &number) {
			return ProblemAt(file, text, max(0, bytes.Index(text, []byte(number.Num))), "%s is not a number of 64 bits", number.Num)
		}
		return ProblemAt(file, text, 0, "is not a Cedar policy: %v", err)
	}
	offset, message := offsetOf(text, place[1], place[2]), place[3]
	if names := regexp.MustCompile(about).FindStringSubmatch(message); names != nil {
		name := strings.Join(names[1:], "")
		return ProblemAt(file, text, max(0, bytes.LastIndex(text[:offset], []byte(name))), "%s", message)
	}
	for _, e := range expectations {
		pattern := regexp.MustCompile(e.message)
		if !pattern.MatchString(message) {
			continue
		}
		if next, ok := strings.CutPrefix(message, "got "); ok { // the parser has not passed it
			next, _, _ = strings.Cut(next, " want ")
			offset += len(next)
		}
		found := "the end of the file"
		if strings.HasPrefix(message, "exact got  want") {
			offset = len(bytes.TrimRight(text, " \t\r\n"))
		} else if token := regexp.MustCompile(lastToken).FindSubmatchIndex(text[:offset]); token != nil {
			offset, found = token[2], fmt.Sprintf("`%s`", text[token[2]:token[3]])
		}
		return ProblemAt(file, text, offset, "expected %s, found %s", pattern.ReplaceAllString(message, e.expected), found)
	}
	return ProblemAt(file, text, offset, "%s", message)
}

// offsetOf returns the byte offset of a line and a column.
func offsetOf(text []byte, line, column string) int {
	offset := 0
	l, _ := strconv.Atoi(line) // digits
	for range l - 1 {
		offset += bytes.IndexByte(text[offset:], '\n') + 1
	}
	c, _ := strconv.Atoi(column)
	for range c - 1 {
		_, size := utf8.DecodeRune(text[offset:])
		offset += size
	}
	return offset
}
