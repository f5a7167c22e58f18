package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Stack is a template with values for its parameters. It evaluates what moto's CloudFormation does not: the template's Rules
// and AWS::NoValue. cfn-lint checks references under every combination of conditions.
type Stack struct {
	template   Template
	parameters map[string]any // a string, or a []string for a list
}

// NewStack returns the stack that the parameters make, with the template's defaults for the missing ones.
func NewStack(template Template, parameters Parameters) *Stack {
	s := &Stack{template: template, parameters: map[string]any{}}
	for name, declared := range template["Parameters"].(map[string]any) {
		parameter := declared.(map[string]any)
		value, given := parameters[name]
		if !given {
			value = fmt.Sprint(parameter["Default"])
		}
		s.parameters[name] = value
		if parameter["Type"] == "CommaDelimitedList" {
			s.parameters[name] = strings.Split(value, ",")
		}
	}
	return s
}

// Has reports whether the condition of the resource holds.
func (s *Stack) Has(id string) bool {
	resource, _ := s.template.Resources()[id].(map[string]any)
	condition, conditional := resource["Condition"].(string)
	return resource != nil && (!conditional || s.condition(condition))
}

// Resource returns a resource's properties with conditions and parameters replaced by their values.
func (s *Stack) Resource(id string) map[string]any {
	properties, _ := s.resolve(s.template.Resources()[id].(map[string]any)["Properties"]).(map[string]any)
	return properties
}

// Broken returns the descriptions of the Rules that the parameters break.
func (s *Stack) Broken() []string {
	var broken []string
	for _, declared := range s.template["Rules"].(map[string]any) {
		rule := declared.(map[string]any)
		if condition, ok := rule["RuleCondition"]; ok && !s.truth(condition) {
			continue
		}
		for _, assertion := range rule["Assertions"].([]any) {
			if a := assertion.(map[string]any); !s.truth(a["Assert"]) {
				broken = append(broken, a["AssertDescription"].(string))
			}
		}
	}
	return broken
}

func (s *Stack) condition(name string) bool {
	return s.truth(s.template["Conditions"].(map[string]any)[name])
}

// truth evaluates a condition function.
func (s *Stack) truth(expression any) bool {
	for function, argument := range expression.(map[string]any) {
		switch function {
		case "Condition":
			return s.condition(argument.(string))
		case "Fn::Equals":
			pair := argument.([]any)
			return fmt.Sprint(s.resolve(pair[0])) == fmt.Sprint(s.resolve(pair[1]))
		case "Fn::EachMemberEquals":
			pair := argument.([]any)
			return !slices.ContainsFunc(s.resolve(pair[0]).([]string), func(member string) bool { return member != pair[1] })
		case "Fn::Not":
			return !s.truth(argument.([]any)[0])
		case "Fn::And":
			return !slices.ContainsFunc(argument.([]any), func(e any) bool { return !s.truth(e) })
		case "Fn::Or":
			return slices.ContainsFunc(argument.([]any), s.truth)
		}
	}
	panic(fmt.Sprintf("unknown condition function: %v", expression))
}

// noValue is what !Ref AWS::NoValue resolves to; lists and objects leave it out.
type noValue struct{}

// resolve replaces parameters and conditions in a value. References to resources stay as they are.
func (s *Stack) resolve(value any) any {
	switch v := value.(type) {
	case []any:
		kept := []any{}
		for _, element := range v {
			if resolved := s.resolve(element); resolved != (noValue{}) {
				kept = append(kept, resolved)
			}
		}
		return kept
	case map[string]any:
		if resolved, ok := s.function(v); ok {
			return resolved
		}
		kept := map[string]any{}
		for key, element := range v {
			if resolved := s.resolve(element); resolved != (noValue{}) {
				kept[key] = resolved
			}
		}
		return kept
	default:
		return value
	}
}

// function resolves the intrinsic functions whose result depends on parameters alone.
func (s *Stack) function(call map[string]any) (resolved any, ok bool) {
	if id, is := call["Ref"].(string); is {
		if id == "AWS::NoValue" {
			return noValue{}, true
		}
		value, known := s.parameters[id]
		return value, known
	}
	if choice, is := call["Fn::If"].([]any); is {
		if s.condition(choice[0].(string)) {
			return s.resolve(choice[1]), true
		}
		return s.resolve(choice[2]), true
	}
	if argument, is := call["Fn::Join"].([]any); is {
		list, all := s.resolve(argument[1]).([]string)
		return strings.Join(list, argument[0].(string)), all
	}
	if argument, is := call["Fn::Select"].([]any); is {
		if list, ok := s.resolve(argument[1]).([]string); ok {
			index, err := strconv.Atoi(fmt.Sprint(argument[0]))
			if err == nil && index < len(list) {
				return list[index], true
			}
		}
	}
	return nil, false
}
