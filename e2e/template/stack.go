package template

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Stack is a template with its parameters' values: what CloudFormation would make of them, as far as a template's own
// references and conditions tell.
type Stack struct {
	template   Template
	parameters Parameters
	conditions map[string]bool
	live       map[string]bool // the resources whose condition holds
}

// NewStack returns the stack that the parameters make, with the template's defaults for those left out.
func NewStack(template Template, parameters Parameters) *Stack {
	all := template.Defaults()
	maps.Copy(all, parameters)
	s := &Stack{template: template, parameters: all, conditions: map[string]bool{}, live: map[string]bool{}}
	for id, resource := range template.Resources() {
		condition, conditional := resource.(map[string]any)["Condition"].(string)
		if !conditional || s.condition(condition) {
			s.live[id] = true
		}
	}
	return s
}

// Has reports whether the stack has the resource.
func (s *Stack) Has(id string) bool { return s.live[id] }

// Resource returns a resource's properties with every condition and parameter put in.
func (s *Stack) Resource(id string) map[string]any {
	properties, _ := s.resolve(s.template.Resources()[id].(map[string]any)["Properties"]).(map[string]any)
	return properties
}

// Dangling returns the references, in resources and outputs, to what the stack does not have.
func (s *Stack) Dangling() []string {
	var dangling []string
	for id := range s.live {
		resource := s.template.Resources()[id].(map[string]any)
		for _, part := range []string{"Properties", "UpdatePolicy", "DependsOn"} {
			dangling = s.missing(dangling, id, resource[part])
		}
		if depends, ok := resource["DependsOn"].(string); ok {
			dangling = s.lacks(dangling, id, depends)
		}
	}
	for name, declared := range s.template["Outputs"].(map[string]any) {
		output := declared.(map[string]any)
		if condition, ok := output["Condition"].(string); !ok || s.condition(condition) {
			dangling = s.missing(dangling, "output "+name, output["Value"])
		}
	}
	slices.Sort(dangling)
	return dangling
}

// missing appends the references in value, on the branches that the conditions take, to what the stack does not have.
func (s *Stack) missing(found []string, from string, value any) []string {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			found = s.missing(found, from, element)
		}
	case map[string]any:
		for key, element := range v {
			switch key {
			case "Fn::If":
				found = s.missing(found, from, s.branch(element))
				continue
			case "Ref":
				found = s.lacks(found, from, element.(string))
			case "Fn::GetAtt":
				found = s.lacks(found, from, element.([]any)[0].(string))
			case "Fn::Sub":
				text, own := sub(element)
				for _, name := range placeholders(text) {
					id, _, _ := strings.Cut(name, ".")
					if _, ok := own[name]; !ok {
						found = s.lacks(found, from, id)
					}
				}
			}
			found = s.missing(found, from, element)
		}
	}
	return found
}

// lacks appends a reference to id when the stack has no such resource or parameter.
func (s *Stack) lacks(found []string, from, id string) []string {
	if _, ok := s.parameters[id]; ok || s.live[id] || strings.HasPrefix(id, "AWS::") {
		return found
	}
	return append(found, from+" refers to "+id)
}

// branch returns the side of Fn::If that its condition takes.
func (s *Stack) branch(argument any) any {
	choice := argument.([]any)
	if s.condition(choice[0].(string)) {
		return choice[1]
	}
	return choice[2]
}

// Broken returns what the template's Rules object to in the parameters, in their own words.
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
	slices.Sort(broken)
	return broken
}

func (s *Stack) condition(name string) bool {
	value, known := s.conditions[name]
	if !known {
		value = s.truth(s.template["Conditions"].(map[string]any)[name])
		s.conditions[name] = value
	}
	return value
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
	panic(fmt.Sprintf("a condition that this test cannot evaluate: %v", expression))
}

// noValue is what !Ref AWS::NoValue resolves to; whoever holds it leaves it out.
type noValue struct{}

// resolve puts parameters and conditions into a value. References to resources stay as they are.
func (s *Stack) resolve(value any) any {
	switch v := value.(type) {
	case []any:
		kept := []any{}
		for _, element := range v {
			if resolved := s.resolve(element); !isNoValue(resolved) {
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
			if resolved := s.resolve(element); !isNoValue(resolved) {
				kept[key] = resolved
			}
		}
		return kept
	default:
		return value
	}
}

func isNoValue(v any) bool { _, ok := v.(noValue); return ok }

// function resolves the intrinsic functions whose result the parameters alone determine.
func (s *Stack) function(call map[string]any) (resolved any, ok bool) {
	if id, is := call["Ref"].(string); is {
		if id == "AWS::NoValue" {
			return noValue{}, true
		}
		value, known := s.parameters[id]
		return value, known
	}
	if argument, is := call["Fn::If"]; is {
		return s.resolve(s.branch(argument)), true
	}
	if argument, is := call["Fn::Join"].([]any); is {
		list, all := s.resolve(argument[1]).([]string)
		return strings.Join(list, argument[0].(string)), all
	}
	if argument, is := call["Fn::Select"].([]any); is {
		if list, ok := s.resolve(argument[1]).([]string); ok {
			index, err := strconv.Atoi(fmt.Sprint(argument[0]))
			return list[index], err == nil
		}
	}
	if argument, is := call["Fn::Cidr"].([]any); is {
		return cidr(fmt.Sprint(s.resolve(argument[0])), fmt.Sprint(argument[1]), fmt.Sprint(argument[2])), true
	}
	return nil, false
}

// cidr returns what Fn::Cidr does: count blocks of 2^bits addresses each, one after the other from the block's start.
func cidr(block, count, bits string) []string {
	start := netip.MustParsePrefix(block).Masked().Addr().As4()
	n, _ := strconv.Atoi(count)
	size, _ := strconv.Atoi(bits)
	var blocks []string
	for i := range n {
		var at [4]byte
		binary.BigEndian.PutUint32(at[:], binary.BigEndian.Uint32(start[:])+uint32(i)<<size)
		blocks = append(blocks, netip.PrefixFrom(netip.AddrFrom4(at), 32-size).String())
	}
	return blocks
}

// placeholders returns the names in ${…} of a text of Fn::Sub. They are looked for once: a text stands in every stack.
func placeholders(text string) []string {
	if known, ok := placeholdersOf.Load(text); ok {
		return known.([]string)
	}
	names := []string{}
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	placeholdersOf.Store(text, names)
	return names
}

var placeholdersOf sync.Map // string -> []string

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// sub returns the text of Fn::Sub and the variables that it brings itself.
func sub(argument any) (text string, own map[string]any) {
	if pair, ok := argument.([]any); ok {
		return pair[0].(string), pair[1].(map[string]any)
	}
	return argument.(string), nil
}
