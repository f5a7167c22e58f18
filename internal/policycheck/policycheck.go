// Package policycheck finds what is wrong with a Cedar policy before it is
// deployed. The function itself only parses its policy.
package policycheck

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"atriptoken/policy"
)

// declared is the broker's schema.
var declared = sync.OnceValue(func() *resolved.Schema {
	var s schema.Schema
	err := s.UnmarshalCedar(policy.Schema)
	all, unresolved := s.Resolve()
	if err := cmp.Or(err, unresolved); err != nil {
		panic(err) // a test reads it
	}
	return all
})

var checker = sync.OnceValue(func() *validate.Validator { return validate.New(declared()) })

// openPortal returns who and what the action applies to.
func openPortal() *resolved.AppliesTo {
	return declared().Actions[types.NewEntityUID("Action", policy.Action)].AppliesTo
}

// Principals returns the types of principal that may open the portal.
func Principals() []types.EntityType { return openPortal().Principals }

// Check returns what is wrong with a policy file, in the file's order: what
// policy.Parse refuses, or else what the schema does not allow, and warnings
// about what is probably a mistake.
func Check(name string, text []byte) []policy.Problem {
	if _, err := policy.Parse(name, text); err != nil {
		var refused policy.Problem
		errors.As(err, &refused)
		return []policy.Problem{refused}
	}
	f := newFile(name, text)
	list, _ := cedar.NewPolicyListFromBytes(name, text) // Parse has read it
	for i, statement := range list {
		start, end := statement.Position().Offset, len(text)
		if i+1 < len(list) {
			end = list[i+1].Position().Offset
		}
		if _, ok := statement.Annotations()["id"]; !ok {
			f.warn(start, "this policy has no @id; the audit line will call it policy%d", i)
		}
		f.statement(start, end)
	}
	f.words()
	slices.SortStableFunc(f.found, func(a, b policy.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(f.found, func(a, b policy.Problem) bool { // the same for another type of principal
		return a.Line == b.Line && a.Column == b.Column && a.Warning == b.Warning
	})
}

// file is a policy file and what was found in it.
type file struct {
	name   string
	text   []byte
	tokens []policy.Token
	code   []byte // spaces instead of comments and texts, and as long as text
	found  []policy.Problem
}

func newFile(name string, text []byte) *file {
	f := &file{name: name, text: text, tokens: policy.Tokens(text), code: bytes.Repeat([]byte(" "), len(text))}
	for _, t := range f.tokens {
		if t.Text[0] != '"' {
			copy(f.code[t.Offset:], t.Text)
		}
	}
	return f
}

func (f *file) add(offset int, format string, args ...any) {
	f.found = append(f.found, policy.ProblemAt(f.name, f.text, offset, format, args...))
}

func (f *file) warn(offset int, format string, args ...any) {
	f.add(offset, format, args...)
	f.found[len(f.found)-1].Warning = true
}

// operand finds a policy's smallest conditions: what is between &&, ||, !, braces
// and the parentheses that are not a call's.
var operand = regexp.MustCompile(`(?:\w\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|!=|[^&|!(){};])+`)

// statement adds what the schema does not allow in the policy in text[start:end].
func (f *file) statement(start, end int) {
	text := f.text[start:end]
	all := complaints(text)
	if len(all) > 1 { // it follows from the others
		delete(all, "unable to find an applicable action given the policy scope constraints")
	}
	placed := map[string]bool{}
	for _, at := range operand.FindAllIndex(f.code[start:end], -1) {
		without := slices.Concat(text[:at[0]], []byte(`(context.role == "")`), text[at[1]:])
		rest := complaints(without)
		if rest == nil {
			continue // not an operand
		}
		for _, complaint := range slices.Sorted(maps.Keys(all)) {
			if rest[complaint] < all[complaint] {
				placed[complaint] = true
				f.complain(start+at[0], start+at[1], complaint)
			}
		}
	}
	for _, complaint := range slices.Sorted(maps.Keys(all)) {
		if !placed[complaint] {
			f.complain(start, end, complaint)
		}
	}
}

// complaints returns how often the validator makes each complaint about a policy,
// and nil for what is not a policy.
func complaints(text []byte) map[string]int {
	list, err := cedar.NewPolicyListFromBytes("", text)
	if err != nil {
		return nil
	}
	count := map[string]int{}
	if err := checker().Policy("", (*ast.Policy)(list[0].AST())); err != nil {
		for complaint := range strings.SplitSeq(err.Error(), "\n") {
			count[complaint]++
		}
	}
	return count
}
