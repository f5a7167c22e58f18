package handler

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/policy"
)

// identity is who the invoking service vouches for, or the reason why that is
// nobody. A principal is only ever made here and in the callers' files, and
// never from a header or a body.
type identity struct {
	policy.Principal
	why string // for the audit line
}

func nobody(why string) identity { return identity{policy.Anonymous(), why} }

// awsPrincipal is a caller whose AWS signature the service in front has checked.
func awsPrincipal(arn, account string) identity {
	if arn == "" {
		return nobody("the authorizer names nobody")
	}
	return identity{Principal: policy.AwsPrincipal(arn, account)}
}

// authorizer2 is what stands in requestContext.authorizer of payload 2.0: one
// of the three is present when the route has an authorizer of that kind (API
// Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs").
type authorizer2 struct {
	JWT *struct {
		Claims map[string]jsontext.Value `json:"claims"`
	} `json:"jwt"`
	IAM *struct {
		UserARN   string `json:"userArn"`
		AccountID string `json:"accountId"`
	} `json:"iam"`
	// Lambda is the context that a Lambda authorizer returned.
	Lambda map[string]jsontext.Value `json:"lambda"`
}

// identity2 reads an authorizer of payload 2.0.
func identity2(v jsontext.Value, h header, names claimNames) identity {
	var a authorizer2
	if json.Unmarshal(v, &a) != nil {
		return nobody("the request passed no authorizer, or one whose context has an unknown form")
	}
	switch {
	case !exactlyOne(a.JWT != nil, a.IAM != nil, a.Lambda != nil):
		return nobody(notOne)
	case a.JWT != nil:
		return operatorOfToken(a.JWT.Claims, h, bracketed, names)
	case a.IAM != nil:
		return awsPrincipal(a.IAM.UserARN, a.IAM.AccountID)
	default:
		return operatorOfContext(a.Lambda, names)
	}
}

// notOne is why a request that names nobody, or two, is from nobody.
const notOne = "the authorizer names nobody, or more than one caller"

// exactlyOne reports whether one of the kinds of identity is present.
func exactlyOne(kinds ...bool) bool {
	present := 0
	for _, kind := range kinds {
		if kind {
			present++
		}
	}
	return present == 1
}

// claimNames are the claims that name an operator and their groups.
type claimNames struct{ name, groups string }

// operatorOfToken is the operator whose token a JWT or Cognito authorizer has
// verified, and whose claims it passes on in print.
func operatorOfToken(values map[string]jsontext.Value, h header, arrays arrayPrint, names claimNames) identity {
	printed := make(map[string]string, len(values))
	for name, value := range values {
		text, ok := scalar(value)
		if !ok {
			return nobody("the authorizer's claims are not in print")
		}
		printed[name] = text
	}
	read, why := readPrinted(printed, h["authorization"], arrays)
	if why != "" {
		return nobody(why)
	}
	return operator(read, names)
}

// operatorOfContext is the operator that a Lambda authorizer describes, by
// values of its own choice: nothing about them is printed.
func operatorOfContext(values map[string]jsontext.Value, names claimNames) identity {
	read := readTyped(values)
	if _, ok := read["sub"]; !ok {
		read["sub"] = read["principalId"]
	}
	return operator(read, names)
}

// operator makes the principal. What names them has to be one value each.
func operator(read claims, names claimNames) identity {
	name, ok := read.one(names.name)
	if !ok {
		return nobody("the claim " + names.name + " does not hold one name")
	}
	subject, ok := read.one("sub")
	if !ok {
		return nobody("the claim sub does not hold one id")
	}
	groups, ok := read.list(names.groups)
	if !ok {
		return nobody("the claim " + names.groups + " cannot be told apart into groups")
	}
	// Some providers let people write any address into their profile and say
	// so here; it is then no name to act under (OpenID Connect Core 1.0, 5.1).
	if verified, told := read["email_verified"]; told && names.name == "email" && verified.text != "true" {
		return nobody("the claim email is not verified")
	}
	issuer, _ := read.one("iss")
	return identity{Principal: policy.Operator(issuer, subject, name, groups, read.tags())}
}
