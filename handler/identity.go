package handler

import (
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/policy"
)

// identity is the caller that the invoking AWS service identifies. It never comes
// from a header or a body.
type identity struct {
	policy.Principal
	issuer string // of an operator, "" if unknown
	reason string // why it is anonymous, for the audit line
}

func anonymous(reason string) identity {
	return identity{Principal: policy.Anonymous(), reason: reason}
}

// awsPrincipal is a caller whose AWS signature the gateway has verified.
func awsPrincipal(arn, account string) identity {
	if arn == "" {
		return anonymous("the authorizer gives no ARN")
	}
	return identity{Principal: policy.AwsPrincipal(arn, account)}
}

const errIdentityCount = "the authorizer names no caller, or more than one"

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

// claimNames are the claims with an operator's name and groups.
type claimNames struct{ name, groups string }

// operatorOfToken is the operator whose token a JWT or Cognito authorizer has
// verified, and whose claims it passes on as strings.
func operatorOfToken(values map[string]jsontext.Value, h header, arrays arrayFormat, names claimNames) identity {
	texts := make(map[string]string, len(values))
	for name, value := range values {
		text, ok := scalar(value)
		if !ok {
			return anonymous("a claim is not a string")
		}
		texts[name] = text
	}
	read, reason := readTexts(texts, h["authorization"], arrays, names.groups)
	if reason != "" {
		return anonymous(reason)
	}
	return operator(read, names)
}

// operatorOfContext is the operator that a Lambda authorizer describes. A REST
// API's can only return scalars, so a text that is a JSON array is a list.
func operatorOfContext(values map[string]jsontext.Value, names claimNames) identity {
	read := readTyped(values)
	for name, value := range read {
		if members, ok := jsonArray(jsontext.Value(value.text)); ok {
			read[name] = claimValue{values: members, isList: true}
		}
	}
	if _, ok := read["sub"]; !ok {
		read["sub"] = read["principalId"]
	}
	return operator(read, names)
}

// operator returns the principal with these claims.
func operator(read claims, names claimNames) identity {
	name, ok := read.one(names.name)
	if !ok {
		return anonymous("the claim " + names.name + " is not one name")
	}
	subject, ok := read.one("sub")
	if !ok {
		return anonymous("the claim sub is not one id")
	}
	groups, ok := read.list(names.groups)
	if !ok {
		return anonymous("the claim " + names.groups + " is not an unambiguous list of groups")
	}
	// Some providers let users enter any address and mark it as not verified
	// (OpenID Connect Core 1.0, 5.1). Such an address is not a name.
	if verified, told := read["email_verified"]; told && names.name == "email" && verified.text != "true" {
		return anonymous("the claim email is not verified")
	}
	issuer, _ := read.one("iss")
	return identity{Principal: policy.Operator(issuer, subject, name, groups, read.tags()), issuer: issuer}
}
