package handler

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/policy"
)

// authorizer is what API Gateway says about the caller, payload 2.0: one of the
// three is present when the route has an authorizer of that kind.
type authorizer struct {
	JWT *struct {
		Claims map[string]jsontext.Value `json:"claims"`
	} `json:"jwt"`
	IAM *struct {
		UserARN   string `json:"userArn"`
		AccountID string `json:"accountId"`
	} `json:"iam"`
}

// principal is who the authorizer vouches for, or the reason why that is nobody.
func (a *authorizer) principal(names claimNames) (policy.Principal, string) {
	switch {
	case a == nil:
		return policy.Anonymous(), "the request passed no authorizer"
	case a.JWT != nil:
		return operator(a.JWT.Claims, names)
	case a.IAM != nil && a.IAM.UserARN != "":
		return policy.AwsPrincipal(a.IAM.UserARN, a.IAM.AccountID), ""
	default:
		return policy.Anonymous(), "the authorizer names nobody"
	}
}

// claimNames are the claims that name an operator and their groups.
type claimNames struct{ name, groups string }

// operator reads the claims of a token that the authorizer has verified.
func operator(claims map[string]jsontext.Value, names claimNames) (policy.Principal, string) {
	name, ok := single(claims[names.name])
	if !ok || name == "" {
		return policy.Anonymous(), "the token has no claim " + names.name + " that holds one name"
	}
	subject, _ := single(claims["sub"])
	issuer, _ := single(claims["iss"])
	groups, ok := list(claims[names.groups])
	if !ok {
		return policy.Anonymous(), "the token's claim " + names.groups + " cannot be read as a list"
	}
	rest := make(map[string][]string, len(claims))
	for claim, value := range claims {
		if values, ok := list(value); ok {
			rest[claim] = values
		}
	}
	return policy.Operator(issuer, subject, name, groups, rest), ""
}

// single reads a claim that is one string.
func single(v jsontext.Value) (string, bool) {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}

// list reads a claim that is a list of strings. API Gateway's JWT authorizer
// hands every claim over as a string, and prints an array as "[a b]".
func list(v jsontext.Value) ([]string, bool) {
	switch v.Kind() {
	case 0, 'n':
		return nil, true
	case '[':
		var members []string
		return members, json.Unmarshal(v, &members) == nil
	case '"':
		s, _ := single(v)
		if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(s, "]") {
			var members []string
			if json.Unmarshal([]byte(s), &members) == nil {
				return members, true
			}
			s = strings.TrimSuffix(inner, "]")
		}
		return strings.Fields(s), true
	default:
		return nil, false
	}
}
