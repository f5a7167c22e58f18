package handler_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode"
)

// groupPolicy permits operators in the group "yes", with any name and role.
const groupPolicy = `@id("yes") permit(principal is Operator, action, resource) when { principal.groups.contains("yes") };`

func groupBroker(t *testing.T) *broker {
	return newBroker(t, withPolicy(t, groupPolicy))
}

// httpAPI returns an HTTP API's event with these claims as text, and a token; "" for
// no token.
func httpAPI(texts map[string]any, token string) []byte {
	header := any(absent{})
	if token != "" {
		header = token
	}
	return sample("http-api-jwt", set(texts, "requestContext", "authorizer", "jwt", "claims"), headerSet("authorization", header))
}

// restAPI is httpAPI for a REST API.
func restAPI(texts map[string]any, tokens ...any) []byte {
	return sample("rest-api-cognito", set(texts, "requestContext", "authorizer", "claims"),
		set(absent{}, "headers", "Authorization"), set(tokens, "multiValueHeaders", "Authorization"))
}

// withGroups returns the events of both for these groups as text, absent{} for none,
// and a token with the groups given as JSON, "" for no token. REST APIs render times
// as dates.
func withGroups(groups any, inToken string) (http, rest []byte) {
	claims := func(exp string) map[string]any {
		texts := map[string]any{"sub": "u1", "email": "amelia@example.com", "exp": exp, "groups": groups}
		if groups == (absent{}) {
			delete(texts, "groups")
		}
		return texts
	}
	asHTTP, asREST := claims("1773345838"), claims("Thu Mar 12 20:03:58 UTC 2026")
	if inToken == "" {
		return httpAPI(asHTTP, ""), restAPI(asREST)
	}
	token := bearer(`{"sub":"u1","email":"amelia@example.com","exp":1773345838,"groups":` + inToken + `}`)
	return httpAPI(asHTTP, token), restAPI(asREST, token)
}

// A group whose name contains a space of any script is not two groups.
func TestClaims_SpaceInGroupName(t *testing.T) {
	t.Parallel()
	b := groupBroker(t)
	spaces := []rune{0x180e, 0x200b, 0x2060, 0xfeff} // invisible, and not White_Space
	for r := range rune(0x10000) {
		if unicode.IsSpace(r) {
			spaces = append(spaces, r)
		}
	}
	for _, r := range spaces {
		name := "客服" + string(r) + "yes"
		array, _ := withGroups("["+name+"]", "["+quoted(name)+"]")
		arrayOnly, _ := withGroups("["+name+"]", "")
		text, _ := withGroups(name, quoted(name))
		_, restArray := withGroups(name, "["+quoted(name)+"]")
		textOnly, restOnly := withGroups(name, "")
		for form, event := range map[string][]byte{
			"array": array, "array, no token": arrayOnly, "string": text, "string, no token": textOnly,
			"REST array": restArray, "REST array, no token": restOnly,
			"typed":             sample("appsync-oidc", set(name, "identity", "claims", "groups")),
			"Lambda authorizer": sample("rest-api-lambda", set(name, "requestContext", "authorizer", "groups")),
		} {
			if _, _ = b.call("api", event); b.audit()["outcome"] != "NotPermitted" {
				t.Fatalf("%U, %s: %v", r, form, b.audit()["outcome"])
			}
		}
	}
}

func TestClaims_Groups(t *testing.T) {
	t.Parallel()
	b := groupBroker(t)
	for _, row := range []struct {
		name   string
		groups any    // as the authorizer passes them on; absent{} for none
		token  string // the token's groups; "" for no token
		http   string // what an HTTP API's event gets
		rest   string // what a REST API's event gets
	}{
		{"one word", "yes", "", "OK", "OK"},
		{"another word", "yess", "", "NotPermitted", "NotPermitted"},
		{"absent", absent{}, "", "NotPermitted", "NotPermitted"},

		{"array of one", "[yes]", `["yes"]`, "OK", "OK"},
		{"string that looks like an array", "[yes]", `"[yes]"`, "NotPermitted", "NotPermitted"},
		{"array of two", "[no yes]", `["no","yes"]`, "OK", "OK"},
		{"array of two, no token", "[no yes]", "", "NotPermitted", "NotPermitted"},
		{"array of one with a space", "[no yes]", `["no yes"]`, "NotPermitted", "NotPermitted"},
		{"array with a space and another", "[no yes yes]", `["no yes","yes"]`, "OK", "OK"},
		{"array in another order", "[yes no]", `["no","yes"]`, "NotPermitted", "NotPermitted"},
		{"array, null in the token", "[yes no]", `null`, "NotPermitted", "NotPermitted"},
		{"array of numbers", "[1 yes]", `[1,"yes"]`, "OK", "OK"},
		{"array of objects", "[map[a:1] yes]", `[{"a":1},"yes"]`, "NotPermitted", "NotPermitted"},
		{"empty array", "[]", `[]`, "NotPermitted", "NotPermitted"},

		{"commas", "no,yes", `["no","yes"]`, "NotPermitted", "OK"},
		{"commas, no token", "no,yes", "", "NotPermitted", "NotPermitted"},
		{"a comma in a name", "no,yes", `["no,yes"]`, "NotPermitted", "NotPermitted"},
		{"a comma in a string", "no,yes", `"no,yes"`, "NotPermitted", "NotPermitted"},
		{"only an opening bracket", "[yes", "", "NotPermitted", "NotPermitted"},
	} {
		http, rest := withGroups(row.groups, row.token)
		if gotHTTP, gotREST := b.http(http).code(t), b.http(rest).code(t); gotHTTP != row.http || gotREST != row.rest {
			t.Errorf("%s: %s and %s, want %s and %s", row.name, gotHTTP, gotREST, row.http, row.rest)
		}
	}
}

// Null and objects have no documented text. What they may look like is not a name.
func TestClaims_NotAName(t *testing.T) {
	t.Parallel()
	all := withPolicy(t, `permit(principal is Operator, action, resource);`)
	b := newBroker(t, all, groupsClaim("cognito:groups"))
	for _, text := range []string{"<nil>", "null", "map[a:1]", "{a=1}", `{"a":1}`, "[amelia@example.com]", "[]"} {
		for _, name := range []string{"email", "sub"} {
			for form, event := range map[string][]byte{
				"HTTP API": sample("http-api-jwt", claim(name, text)),
				"REST API": sample("rest-api-cognito", set(text, "requestContext", "authorizer", "claims", name)),
			} {
				if b.http(event); b.audit()["principal"] != `Anonymous::""` {
					t.Errorf("%s %s=%s is %v", form, name, text, b.audit()["principal"])
				}
			}
		}
	}
}

// The claims of a Lambda authorizer and of AppSync have types.
func TestClaims_TypedGroups(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name            string
		groups          any
		lambda, appSync string
	}{
		{"an array", []any{"no", "yes"}, "OK", "OK"},
		{"an array with a space in a name", []any{"no yes"}, "NotPermitted", "NotPermitted"},
		// A REST API's Lambda authorizer can only return scalars.
		{"a JSON array in a string", `["no","yes"]`, "OK", "NotPermitted"},
		{"a broken JSON array", `["no","yes"`, "NotPermitted", "NotPermitted"},
		{"a word", "yes", "OK", "OK"},
		{"brackets", "[no yes]", "NotPermitted", "NotPermitted"},
		{"null", nil, "NotPermitted", "NotPermitted"},
		{"an object", map[string]any{"yes": "yes"}, "NotPermitted", "NotPermitted"},
		{"a boolean", true, "NotPermitted", "NotPermitted"},
	} {
		context := map[string]any{"sub": "u1", "email": "amelia@example.com", "groups": row.groups}
		events := map[string][]byte{
			"http-api-lambda": sample("http-api-lambda", set(row.groups, "requestContext", "authorizer", "lambda", "groups")),
			"appsync-lambda":  sample("appsync-iam", set(map[string]any{"resolverContext": context}, "identity")),
			"appsync-oidc":    sample("appsync-oidc", set(row.groups, "identity", "claims", "groups")),
			"rest-api-lambda": sample("rest-api-lambda", set(row.groups, "requestContext", "authorizer", "groups")),
		}
		for name, event := range events {
			want := row.lambda
			if name == "appsync-oidc" {
				want = row.appSync
			}
			b := groupBroker(t)
			out, err := b.call("api", event)
			if got := b.audit()["outcome"]; got != want {
				t.Errorf("%s, %s: %v, want %s: %s %v", name, row.name, got, want, out, err)
			}
		}
	}
}

// The token in the request is used only if it is the verified one. Each row
// changes one thing.
func TestToken_OnlyTheVerifiedOne(t *testing.T) {
	t.Parallel()
	b := groupBroker(t)
	const whole = `{"sub":"u1","email":"amelia@example.com","iss":"https://login.example.com","exp":1773345838,` +
		`"email_verified":true,"nickname":null,"address":{"country":"NL"},"roles":[{"a":1}],"groups":["no","yes"]}`
	texts := map[string]any{
		"sub": "u1", "email": "amelia@example.com", "iss": "https://login.example.com", "exp": "1773345838", "email_verified": "true",
		"address": `{"country":"NL"}`, "roles": `[{"a":1}]`, "groups": "[no yes]",
	}
	valid := bearer(whole)
	parts := strings.Split(valid, ".")
	change := func(old, with string) string { return bearer(strings.Replace(whole, old, with, 1)) }
	padded := base64.URLEncoding.EncodeToString([]byte(whole + "  "))
	for _, row := range []struct {
		name  string
		token string
		want  string
	}{
		{"unchanged", valid, "OK"},
		{"without Bearer", strings.TrimPrefix(valid, "Bearer "), "OK"},
		{"another notation of a number", change(`1773345838`, `1.773345838e9`), "OK"},
		{"no header", "", "NotPermitted"},
		{"two tokens", valid + "," + valid, "NotPermitted"},
		{"another subject", change(`"u1"`, `"u2"`), "NotPermitted"},
		{"one more claim", change(`{`, `{"jti":"x",`), "NotPermitted"},
		{"one claim less", change(`"email_verified":true,`, ``), "NotPermitted"},
		{"another claim, empty", change(`"iss":"https://login.example.com"`, `"x":""`), "NotPermitted"},
		{"an array for the subject", change(`"u1"`, `["u1"]`), "NotPermitted"},
		{"a claim twice", change(`{`, `{"sub":"u1",`), "NotPermitted"},
		{"another case of a claim", change(`"sub"`, `"SUB"`), "NotPermitted"},
		{"not JSON", bearer("sub=u1"), "NotPermitted"},
		{"an array of claims", bearer("[" + whole + "]"), "NotPermitted"},
		{"not base64", parts[0] + ".!." + parts[2], "NotPermitted"},
		{"padded base64", parts[0] + "." + padded + "." + parts[2], "NotPermitted"},
		{"two parts", parts[0] + "." + parts[1], "NotPermitted"},
		{"four parts", valid + ".x", "NotPermitted"},
		{"a fraction for a time", change(`1773345838`, `1773345838.5`), "NotPermitted"},
	} {
		if got := b.http(httpAPI(texts, row.token)).code(t); got != row.want {
			t.Errorf("%s: %s, want %s: %v", row.name, got, row.want, b.audit()["unidentified"])
		}
	}
	one, two := b.http(restAPI(texts, valid)).code(t), b.http(restAPI(texts, valid, valid)).code(t)
	if one != "OK" || two != "NotPermitted" {
		t.Errorf("one header: %s, two: %s", one, two)
	}
}

// The token's groups are used only if its claim x has the authorizer's text, too.
func TestToken_EveryClaimEqual(t *testing.T) {
	t.Parallel()
	b := groupBroker(t)
	for _, row := range []struct{ value, text, http, rest string }{
		{`"a"`, "a", "OK", "OK"},
		{`"a"`, "b", "NotPermitted", "NotPermitted"},
		{`1000`, "1000", "OK", "OK"},
		{`1000`, "1e3", "OK", "OK"},
		{`0`, "zero", "NotPermitted", "NotPermitted"},
		{`1e999`, "Inf", "NotPermitted", "NotPermitted"},
		{`1773345838`, "Thu Mar 12 20:03:58 UTC 2026", "OK", "OK"},
		{`1773345839`, "Thu Mar 12 20:03:58 UTC 2026", "NotPermitted", "NotPermitted"},
		{`-62135596800`, "never", "NotPermitted", "NotPermitted"}, // the zero time.Time
		{`true`, "true", "OK", "OK"},
		{`false`, "true", "NotPermitted", "NotPermitted"},
		{`["a","b"]`, "[a b]", "OK", "OK"},
		{`["a","b"]`, "[b a]", "NotPermitted", "NotPermitted"},
		{`["a","b"]`, "a,b", "NotPermitted", "OK"},
		{`[{"a":1}]`, "[map[a:1]]", "OK", "OK"},
		{`[{"a":1}]`, "", "NotPermitted", "NotPermitted"},
		{`{"a":1}`, "map[a:1]", "OK", "OK"},
		{`{"a":1}`, "", "NotPermitted", "NotPermitted"},
		{`null`, "null", "NotPermitted", "NotPermitted"},
		{`null`, "<nil>", "NotPermitted", "NotPermitted"},
	} {
		texts := map[string]any{"sub": "u1", "email": "amelia@example.com", "groups": "[no yes]", "x": row.text}
		token := bearer(`{"sub":"u1","email":"amelia@example.com","groups":["no","yes"],"x":` + row.value + `}`)
		http, rest := b.http(httpAPI(texts, token)).code(t), b.http(restAPI(texts, token)).code(t)
		if http != row.http || rest != row.rest {
			t.Errorf("%s as %s: %s and %s, want %s and %s", row.value, row.text, http, rest, row.http, row.rest)
		}
	}
}

func TestToken_NeverLogged(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	token := strings.TrimPrefix(bearer(`{"sub":"MARKED"}`), "Bearer ")
	for _, header := range []any{"Bearer " + token, absent{}} {
		r := b.http(sample("http-api-jwt", claim("groups", "[a b]"), headerSet("authorization", header)))
		if got, _ := b.audit()["unidentified"].(string); r.StatusCode != 403 || !strings.Contains(got, "no token") {
			t.Errorf("HTTP %d for the reason %q", r.StatusCode, got)
		}
		for part := range strings.SplitSeq(token+".MARKED", ".") {
			if strings.Contains(b.log.String()+r.Body, part) {
				t.Errorf("%s is in an output", part)
			}
		}
	}
}

// A claim that cannot be an array reaches the policy as one text, with or without
// a token.
func TestClaims_Tags(t *testing.T) {
	t.Parallel()
	typed := func(name string, value any) []byte {
		return sample("appsync-oidc", set(value, "identity", "claims", name))
	}
	text := func(value string) []byte { return sample("http-api-jwt", claim("x", value)) }
	_, oneGroup := withGroups("no yes", `["no yes"]`)
	for condition, event := range map[string][]byte{
		`principal.getTag("amr") == ["mfa", "pwd"]`:                  typed("amr", []any{"pwd", "mfa"}),
		`principal.getTag("name") == ["Amelia Example"]`:             typed("name", "Amelia Example"),
		`principal.getTag("level") == ["3"]`:                         typed("level", 3),
		`principal.getTag("email_verified") == ["true"]`:             typed("email_verified", true),
		`!(principal.hasTag("gone")) && principal.hasTag("sub")`:     typed("gone", nil),
		`principal.hasTag("deep") && principal.getTag("deep") == []`: typed("deep", map[string]any{"a": 1}),
		`principal.getTag("deeper") == []`:                           typed("deeper", []any{map[string]any{"a": 1}}),
		`principal == Operator::"00u1a2b3c4d5e6f7g8h9"`:              sample("appsync-oidc"),
		`principal.issuer == "https://login.example.com"`:            sample("appsync-oidc"),

		`principal.groups.contains("no yes")`: oneGroup, // of a REST API, which renders an array of one without brackets

		`principal.getTag("x") == [""]`:                text(""),
		`principal.getTag("x") == ["pwd"]`:             text("pwd"),
		`principal.getTag("x") == ["openid email"]`:    text("openid email"),
		`principal.getTag("x") == ["Example, Amelia"]`: text("Example, Amelia"),
		`principal.getTag("x") == ["Amelia [Ops]"]`:    text("Amelia [Ops]"),
		`principal.getTag("x") == ["[Ops] Amelia"]`:    text("[Ops] Amelia"),
		`principal.getTag("x") == ["Amelia]"]`:         text("Amelia]"),
	} {
		b := newBroker(t, withPolicy(t, `permit(principal is Operator, action, resource) when { `+condition+` };`))
		if _, _ = b.call("api", event); b.audit()["outcome"] != "OK" {
			t.Errorf("%s: %v", condition, b.audit())
		}
	}
}
