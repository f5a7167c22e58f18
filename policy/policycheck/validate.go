// Package policycheck checks policies before they are deployed: against the
// schema, and against a table of cases. cmd/policy and the tests use it; the
// function does not, so that the schema's validator is not in its binary.
package policycheck

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"atriptoken/policy"
)

// Schema is a Cedar schema that policies are validated against.
type Schema struct{ validator *validate.Validator }

// ParseSchema reads a schema; name is what errors call it. They have file, line
// and column.
func ParseSchema(name string, text []byte) (*Schema, error) {
	var s schema.Schema
	s.SetFilename(name)
	if err := s.UnmarshalCedar(text); err != nil {
		return nil, err
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Schema{validate.New(resolved)}, nil
}

// Validate reports what is wrong with a policy file: what policy.Parse finds,
// and else everything that the schema does not allow: attributes that do not
// exist or may be absent, types that do not fit, policies that can never apply.
// Each error has file, line and column of the policy that it is about.
func (s *Schema) Validate(name string, text []byte) error {
	if _, err := policy.Parse(name, text); err != nil {
		return err
	}
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return err
	}
	var bad []error
	for _, statement := range list {
		at := statement.Position()
		for _, err := range flatten(s.validator.Policy("", (*ast.Policy)(statement.AST()))) {
			text := strings.ReplaceAll(err.Error(), "\n", " ")
			bad = append(bad, fmt.Errorf("%s:%d:%d: %s", name, at.Line, at.Column, text))
		}
	}
	return errors.Join(bad...)
}

func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}
