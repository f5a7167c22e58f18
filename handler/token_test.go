package handler_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The token in the request is believed about the shape of an array only if it
// is the one that the authorizer has verified. Each row spoils one thing.
func TestToken_HasToBeTheVerifiedOne(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)))
	const whole = `{"sub":"u1","email":"amelia@example.com","iss":"https://login.example.com","exp":1773345838,"email_verified":true,"nickname":null,` +
		`"address":{"country":"NL"},"roles":[{"a":1}],"groups":["no","yes"]}`
	printed := map[string]any{
		"sub": "u1", "email": "amelia@example.com", "iss": "https://login.example.com", "exp": "1773345838", "email_verified": "true",
		"address": `{"country":"NL"}`, "roles": `[{"a":1}]`, "groups": "[no yes]",
	}
	good := bearer(whole)
	parts := strings.Split(good, ".")
	spoil := func(old, new string) string { return bearer(strings.Replace(whole, old, new, 1)) }
	for name, row := range map[string]struct {
		header any
		want   string
	}{
		"it is":                               {good, "OK"},
		"in another case of Bearer":           {"bEARER" + strings.TrimPrefix(good, "Bearer"), "OK"},
		"without Bearer":                      {strings.TrimPrefix(good, "Bearer "), "OK"},
		"a number in another print":           {spoil(`1773345838`, `1.773345838e9`), "OK"},
		"no header":                           {absent{}, "NotPermitted"},
		"an empty header":                     {"", "NotPermitted"},
		"two tokens":                          {good + "," + good, "NotPermitted"},
		"Basic":                               {"Basic dTpw", "NotPermitted"},
		"another subject":                     {spoil(`"u1"`, `"u2"`), "NotPermitted"},
		"another issuer":                      {spoil(`login.example.com`, `login.example.org`), "NotPermitted"},
		"another expiry":                      {spoil(`1773345838`, `1773345839`), "NotPermitted"},
		"another boolean":                     {spoil(`true`, `false`), "NotPermitted"},
		"a number for a boolean":              {spoil(`true`, `1`), "NotPermitted"},
		"a claim more":                        {spoil(`{`, `{"jti":"x",`), "NotPermitted"},
		"a claim less":                        {spoil(`"email_verified":true,`, ``), "NotPermitted"},
		"a claim less, and an empty one more": {spoil(`"iss":"https://login.example.com"`, `"x":""`), "NotPermitted"},
		"an array for the subject":            {spoil(`"u1"`, `["u1"]`), "NotPermitted"},
		"a claim twice":                       {spoil(`{`, `{"sub":"u1",`), "NotPermitted"},
		"a claim of another case":             {spoil(`"sub"`, `"SUB"`), "NotPermitted"},
		"no JSON":                             {bearer("sub=u1"), "NotPermitted"},
		"an array of claims":                  {bearer("[" + whole + "]"), "NotPermitted"},
		"no base64":                           {parts[0] + ".!." + parts[2], "NotPermitted"},
		"padded base64":                       {parts[0] + "." + base64.URLEncoding.EncodeToString([]byte(whole+"  ")) + "." + parts[2], "NotPermitted"},
		"two parts":                           {parts[0] + "." + parts[1], "NotPermitted"},
		"four parts":                          {good + ".x", "NotPermitted"},
		"a fraction for a time":               {spoil(`1773345838`, `1773345838.5`), "NotPermitted"},
		"a date that is another time":         {spoil(`1773345838`, `"Thu Mar 12 20:03:58 UTC 2026"`), "NotPermitted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.http(sample(t, "http-api-jwt", set(printed, "requestContext", "authorizer", "jwt", "claims"), headerSet("authorization", row.header)))
			if got := r.code(t); got != row.want {
				t.Errorf("%s, want %s: %s %v", got, row.want, r.Body, b.log.lines(t, "request"))
			}
		})
	}
}

func TestToken_IsNeverLogged(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	token := strings.TrimPrefix(bearer(`{"sub":"MARKED"}`), "Bearer ")
	r := b.http(sample(t, "http-api-jwt", claim("groups", "[a b]"), headerSet("authorization", "Bearer "+token)))
	if r.StatusCode != 403 {
		t.Fatalf("HTTP %d", r.StatusCode)
	}
	for part := range strings.SplitSeq(token+".MARKED", ".") {
		if strings.Contains(b.log.String()+r.Body, part) {
			t.Errorf("%s is in an output", part)
		}
	}
	if why, _ := b.audit()["unidentified"].(string); !strings.Contains(why, "other claims") {
		t.Errorf("the audit line does not say why: %v", b.audit())
	}
	b.http(sample(t, "http-api-jwt", claim("groups", "[a b]")))
	if why, _ := b.audit()["unidentified"].(string); !strings.Contains(why, "no token") {
		t.Errorf("without a token the audit line does not say why: %v", b.audit())
	}
}

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
