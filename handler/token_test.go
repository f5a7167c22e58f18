package handler_test

import "testing"

// Groups are printed here so that the token has to tell them apart; it is
// believed only if its claim x, too, is what the authorizer printed of it. Each
// row is one value of x and one print.
func TestToken_IsBelievedIfEachPrintIsItsClaims(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)))
	type row struct{ value, print, httpAPI, restAPI string }
	both := func(value, print, want string) row { return row{value, print, want, want} }
	for name, row := range map[string]row{
		"a text":                             both(`"a"`, "a", "OK"),
		"another text":                       both(`"a"`, "b", "NotPermitted"),
		"a number":                           both(`1000`, "1000", "OK"),
		"a number in another notation":       both(`1000`, "1e3", "OK"),
		"another number":                     both(`1000`, "1001", "NotPermitted"),
		"a word for zero":                    both(`0`, "zero", "NotPermitted"),
		"infinity for a number out of range": both(`1e999`, "Inf", "NotPermitted"),
		"a date for its time":                both(`1773345838`, "Thu Mar 12 20:03:58 UTC 2026", "OK"),
		"a date for another time":            both(`1773345839`, "Thu Mar 12 20:03:58 UTC 2026", "NotPermitted"),
		"a word for the first second of all": both(`-62135596800`, "never", "NotPermitted"),
		"true for true":                      both(`true`, "true", "OK"),
		"true for false":                     both(`false`, "true", "NotPermitted"),
		"an array in brackets":               both(`["a","b"]`, "[a b]", "OK"),
		"an array in brackets, reordered":    both(`["a","b"]`, "[b a]", "NotPermitted"),
		"an array with commas":               {`["a","b"]`, "a,b", "NotPermitted", "OK"},
		"an array with commas, reordered":    both(`["a","b"]`, "b,a", "NotPermitted"),
		"an array of objects, in some way":   both(`[{"a":1}]`, "[map[a:1]]", "OK"),
		"nothing for an array of objects":    both(`[{"a":1}]`, "", "NotPermitted"),
		"an object in some way":              both(`{"a":1}`, "map[a:1]", "OK"),
		"nothing for an object":              both(`{"a":1}`, "", "NotPermitted"),
		"a print of null":                    both(`null`, "null", "NotPermitted"),
	} {
		printed := map[string]any{"sub": "u1", "email": "amelia@example.com", "groups": "[no yes]", "x": row.print}
		token := bearer(`{"sub":"u1","email":"amelia@example.com","groups":["no","yes"],"x":` + row.value + `}`)
		r := b.http(sample(t, "http-api-jwt", set(printed, "requestContext", "authorizer", "jwt", "claims"), headerSet("authorization", token)))
		if got := r.code(t); got != row.httpAPI {
			t.Errorf("%s, of an HTTP API: %s, want %s", name, got, row.httpAPI)
		}
		r = b.http(sample(t, "rest-api-cognito", set(printed, "requestContext", "authorizer", "claims"),
			headerSet("Authorization", token), set([]any{token}, "multiValueHeaders", "Authorization")))
		if got := r.code(t); got != row.restAPI {
			t.Errorf("%s, of a REST API: %s, want %s", name, got, row.restAPI)
		}
	}
}

// What is wrong with these tokens comes after their last claim.
func TestToken_HasToBeStrictJSONToItsEnd(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)))
	const claims = `"sub":"u1","email":"amelia@example.com","groups":["no","yes"]`
	for text, want := range map[string]string{
		`{` + claims + `}`:                "OK",
		`{` + claims + `,"sub":"u1"}`:     "NotPermitted",
		`{` + claims + `}{}`:              "NotPermitted",
		`{` + claims + `,}`:               "NotPermitted",
		`{` + claims:                      "NotPermitted",
		`{` + claims + `} // and no more`: "NotPermitted",
	} {
		printed := map[string]any{"sub": "u1", "email": "amelia@example.com", "groups": "[no yes]"}
		r := b.http(sample(t, "http-api-jwt", set(printed, "requestContext", "authorizer", "jwt", "claims"), headerSet("authorization", bearer(text))))
		if got := r.code(t); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A print is an array or a text to the policy too.
func TestClaims_PrintsReachThePolicyAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	for print, tag := range map[string]string{
		"[pwd]": `["pwd"]`, "[]": `[]`, "pwd": `["pwd"]`,
		"Amelia [Ops]": `["Amelia [Ops]"]`, "[Ops] Amelia": `["[Ops] Amelia"]`, "Amelia]": `["Amelia]"]`,
	} {
		b := newBroker(t, withPolicy(policyText(t, "tags.cedar", `permit(principal is Operator, action, resource) when { principal.getTag("x") == `+tag+` };`)))
		if got := b.http(sample(t, "http-api-jwt", claim("x", print))).code(t); got != "OK" {
			t.Errorf("%q is not %s: %s", print, tag, got)
		}
	}
}
