// Package policycheck validates Cedar policies against a schema. The function
// itself only parses its policy.
package policycheck

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"atriptoken/policy"
)

// Schema is a parsed Cedar schema.
type Schema struct {
	types     *resolved.Schema
	validator *validate.Validator
}

// ParseSchema parses a schema; name is its file, for errors.
func ParseSchema(name string, text []byte) (Schema, error) {
	var s schema.Schema
	s.SetFilename(name)
	if err := s.UnmarshalCedar(text); err != nil {
		return Schema{}, err
	}
	all, err := s.Resolve()
	if err != nil {
		return Schema{}, fmt.Errorf("%s: %w", name, err)
	}
	return Schema{all, validate.New(all)}, nil
}

// Principals returns the types of principal that may open the portal.
func (s Schema) Principals() []types.EntityType {
	return s.types.Actions[types.NewEntityUID("Action", policy.Action)].AppliesTo.Principals
}

// Check returns policy.Parse's error, or else one line for each policy that the
// schema does not allow: unknown or optional attributes, wrong types, ids
// that never occur, heads that never match.
func (s Schema) Check(name string, text []byte) error {
	if _, err := policy.Parse(name, text); err != nil {
		return err
	}
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return err
	}
	var bad []error
	for _, statement := range list {
		if err := errors.Join(s.validator.Policy("", (*ast.Policy)(statement.AST())), s.ids(statement)); err != nil {
			at := statement.Position()
			bad = append(bad, fmt.Errorf("%s:%d:%d: %s", name, at.Line, at.Column, strings.ReplaceAll(err.Error(), "\n", "; ")))
		}
	}
	return errors.Join(bad...)
}

var entity = regexp.MustCompile(`\b(\w+)::"((?:[^"\\]|\\.)*)"`)

// ids reports the enumerated entities in the policy that the schema does not
// list. The validator accepts them.
func (s Schema) ids(statement *cedar.Policy) error {
	for _, match := range entity.FindAllStringSubmatch(string(statement.MarshalCedar()), -1) {
		uid := types.NewEntityUID(types.EntityType(match[1]), types.String(match[2]))
		if enum, ok := s.types.Enums[uid.Type]; ok && !slices.Contains(enum.Values, uid) {
			return fmt.Errorf("%s never occurs; the schema lists %v", uid, enum.Values)
		}
	}
	return nil
}
