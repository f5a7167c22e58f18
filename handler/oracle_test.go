package handler_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// oracle returns the request that an event may send to Atlas under
// policy/default.cedar and the default claims, or nil. It is written from the
// contract, with encoding/json and generic values. If it returns nil, the handler
// must not call Atlas; otherwise the handler may still refuse.
func oracle(payload []byte, door string) (want map[string]string) {
	event, ok := object(payload)
	if !ok {
		return nil
	}
	context, isHTTP := event["requestContext"].(map[string]any)
	_, isGraphQL := event["info"].(map[string]any)
	details, isFlow := event["Details"].(map[string]any)
	switch {
	case isHTTP && door == "api":
		return oracleHTTP(event, context)
	case isGraphQL && door == "api":
		identity, _ := event["identity"].(map[string]any)
		arguments, _ := event["arguments"].(map[string]any)
		who, claims := typedCaller(identity)
		return permitted(arguments, who, claims, claims)
	case isFlow && door != "api":
		parameters, _ := details["Parameters"].(map[string]any)
		return permitted(parameters, "service", nil, nil)
	case !isHTTP && !isGraphQL && !isFlow && door != "api":
		return permitted(event, "service", nil, nil)
	}
	return nil
}

// oracleHTTP is oracle for the HTTP-shaped events.
func oracleHTTP(event, context map[string]any) map[string]string {
	if context["elb"] != nil {
		return nil // the default policy permits a load balancer nothing
	}
	method, path := event["httpMethod"], event["path"]
	if http, ok := context["http"].(map[string]any); ok {
		method, path = http["method"], event["rawPath"]
	}
	if s, _ := path.(string); method != "POST" || !regexp.MustCompile(`^(/[A-Za-z0-9$_-]*)?.*/getAtripToken\.do$`).MatchString(s) ||
		strings.ContainsAny(strings.TrimSuffix(s, "/getAtripToken.do"), ".%;?#\\\x00") {
		return nil
	}
	headers := headersOf(event)
	types := headers["content-type"]
	if len(types) != 1 || headers["content-encoding"] != nil ||
		!strings.HasPrefix(strings.ToLower(strings.TrimSpace(types[0])), "application/json") {
		return nil
	}
	if account := headers["x-atrip-account"]; account != nil && !slices.Equal(account, []string{"default"}) {
		return nil
	}
	text, _ := event["body"].(string)
	body := []byte(text)
	if event["isBase64Encoded"] == true {
		var err error
		if body, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil
		}
	}
	if len(body) > 16<<10 {
		return nil
	}
	request, ok := object(body)
	if !ok || repeats(body) {
		return nil
	}
	who, claims, token := httpCaller(context, headers["authorization"])
	return permitted(request, who, claims, token)
}

// httpCaller returns the kind of an HTTP event's caller: "aws", "operator" or "".
// The groups of an operator are in claims or in token.
func httpCaller(context map[string]any, authorization []string) (who string, claims, token map[string]any) {
	authorizer, _ := context["authorizer"].(map[string]any)
	if identity, ok := context["identity"].(map[string]any); ok {
		if arn, _ := identity["userArn"].(string); arn != "" {
			return "aws", nil, nil
		}
		if claims, ok := authorizer["claims"].(map[string]any); ok {
			return "operator", claims, tokenOf(authorization)
		}
		return "operator", authorizer, authorizer
	}
	if jwt, ok := authorizer["jwt"].(map[string]any); ok {
		claims, _ := jwt["claims"].(map[string]any)
		return "operator", claims, tokenOf(authorization)
	}
	if iam, ok := authorizer["iam"].(map[string]any); ok {
		if arn, _ := iam["userArn"].(string); arn != "" {
			return "aws", nil, nil
		}
		return "", nil, nil
	}
	lambda, _ := authorizer["lambda"].(map[string]any)
	return "operator", lambda, lambda
}

// typedCaller is httpCaller for AppSync.
func typedCaller(identity map[string]any) (who string, claims map[string]any) {
	if arn, _ := identity["userArn"].(string); arn != "" {
		return "aws", nil
	}
	for _, name := range []string{"claims", "resolverContext"} {
		if claims, ok := identity[name].(map[string]any); ok {
			return "operator", claims
		}
	}
	return "", nil
}

var (
	orderText = regexp.MustCompile(`^[^\p{Cc}\p{Zl}\p{Zp}]{1,64}$`)
	nameText  = regexp.MustCompile(`^[^\p{Cc}\p{Zl}\p{Zp}]{1,128}$`)
	grants    = map[string]string{
		"Customer service": "atrip-customer-service", "Finance": "atrip-finance", "Developer": "atrip-developer", "Admin": "atrip-admin",
	}
)

// permitted is the contract's body, and the default policy.
func permitted(request map[string]any, who string, claims, token map[string]any) map[string]string {
	name, _ := claims["email"].(string)
	if _, sent := request["userName"]; !sent && who == "operator" {
		request["userName"] = name
	}
	want := map[string]string{}
	for member, value := range request {
		text, ok := value.(string)
		if !ok {
			return nil
		}
		want[member] = text
	}
	group, known := grants[want["role"]]
	if len(want) != 3 || !known || !orderText.MatchString(want["orderNo"]) || !nameText.MatchString(want["userName"]) {
		return nil
	}
	switch who {
	case "service", "aws":
		return want
	case "operator":
		verified, told := claims["email_verified"]
		if name == "" || want["userName"] != name || told && verified != nil && verified != true && verified != "true" {
			return nil
		}
		if inGroup(claims["groups"], group) || inGroup(token["groups"], group) && token["email"] == claims["email"] {
			return want
		}
	}
	return nil
}

// inGroup reads the unambiguous forms of a list.
func inGroup(groups any, group string) bool {
	switch g := groups.(type) {
	case string:
		var list []any
		return g == group || g == "["+group+"]" || json.Unmarshal([]byte(g), &list) == nil && inGroup(list, group)
	case []any:
		return slices.Contains(g, any(group))
	}
	return false
}

// headersOf returns every value of every header, by lower-case name.
func headersOf(event map[string]any) map[string][]string {
	all := map[string][]string{}
	if several, ok := event["multiValueHeaders"].(map[string]any); ok {
		for name, values := range several {
			list, _ := values.([]any)
			for _, v := range list {
				s, _ := v.(string)
				all[strings.ToLower(name)] = append(all[strings.ToLower(name)], s)
			}
		}
		return all
	}
	single, _ := event["headers"].(map[string]any)
	for name, v := range single {
		s, _ := v.(string)
		all[strings.ToLower(name)] = append(all[strings.ToLower(name)], s)
	}
	return all
}

// tokenOf returns the claims of a bearer token.
func tokenOf(authorization []string) map[string]any {
	if len(authorization) != 1 {
		return nil
	}
	parts := strings.Split(authorization[0], ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	claims, _ := object(text)
	return claims
}

// object decodes one JSON object.
func object(text []byte) (map[string]any, bool) {
	var m map[string]any
	if json.Unmarshal(text, &m) != nil || m == nil {
		return nil, false
	}
	return m, true
}

// repeats reports whether an object of strings has a member twice: a second
// reading by tokens counts more members than a map holds.
func repeats(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	tokens := 0
	for {
		if _, err := decoder.Token(); err != nil {
			break
		}
		tokens++
	}
	m, _ := object(text)
	return tokens != 2+2*len(m)
}
