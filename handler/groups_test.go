package handler_test

import (
	"testing"

	"atriptoken/internal/lambdatest"
)

// groupPolicy permits who is in the group "yes", as anybody, in any role.
const groupPolicy = `@id("yes") permit(principal is Operator, action, resource) when { principal.groups.contains("yes") };`

// The claims as HTTP API's JWT authorizer prints them, and the token they may
// be read from. One reading has the operator in the group "yes".
func TestGroups_OfAnHTTPAPI(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)))
	const rest = `"sub":"u1","email":"amelia@example.com","iss":"https://login.example.com","exp":1773345838`
	for _, row := range []struct {
		name    string
		printed any    // the claim groups, as printed; absent{} for none
		token   string // the token's claim groups; "" for no Authorization header
		want    string
	}{
		{"one group", "[yes]", "", "OK"},
		{"one group as a string", "yes", "", "OK"},
		{"one group, and it is another", "[yess]", "", "NotPermitted"},
		{"no groups", "[]", "", "NotPermitted"},
		{"no claim", absent{}, "", "NotPermitted"},
		{"an empty claim", "", "", "NotPermitted"},
		{"null", nil, "", "NotPermitted"},
		{"an array that no authorizer sends", []any{"yes"}, "", "NotPermitted"},
		{"an object", map[string]any{"yes": true}, "", "NotPermitted"},

		{"two groups, told by the token", "[yes no]", `["yes","no"]`, "OK"},
		{"two groups, the other order", "[no yes]", `["no","yes"]`, "OK"},
		{"two groups and no token", "[yes no]", "", "NotPermitted"},
		{"one group with a space in its name", "[no yes]", `["no yes"]`, "NotPermitted"},
		{"one group with a space, and no token", "[no yes]", "", "NotPermitted"},
		{"a group beside one with a space", "[no yes yes]", `["no yes","yes"]`, "OK"},
		{"a string that looks like an array", "[no yes]", `"[no yes]"`, "NotPermitted"},
		{"the token has another order", "[yes no]", `["no","yes"]`, "NotPermitted"},
		{"the token has a group more", "[yes no]", `["yes","no","more"]`, "NotPermitted"},
		{"the token has no groups", "[yes no]", `null`, "NotPermitted"},
		{"numbers in the array", "[1 yes]", `[1,"yes"]`, "OK"},
		{"objects in the array", "[map[a:1] yes]", `[{"a":1},"yes"]`, "NotPermitted"},

		{"a JSON array written into a string", `["yes","no"]`, `"[\"yes\",\"no\"]"`, "OK"},
		{"one element that looks like two", `["yes","no"]`, `["\"yes\",\"no\""]`, "NotPermitted"},
		{"a JSON array in a string, and no token", `["yes","no"]`, "", "NotPermitted"},
		{"a string with a space", "no yes", "", "NotPermitted"},
		{"a string with a space, and the token says so", "no yes", `"no yes"`, "NotPermitted"},
		{"a string with a tab", "no\tyes", "", "NotPermitted"},
		{"a string with a no-break space", "no\u00a0yes", "", "NotPermitted"},
		{"a string with a comma", "no,yes", "", "NotPermitted"},
		{"an array with tabs in it", "[no\tyes]", "", "NotPermitted"},
		{"Cognito's print of a SAML attribute", "[no, yes]", `"[no, yes]"`, "NotPermitted"},
		{"brackets in brackets", "[[yes]]", "", "NotPermitted"},
		{"only an opening bracket", "[yes", "", "NotPermitted"},
		{"only a closing bracket", "yes]", "", "NotPermitted"},
		{"another case", "[YES]", "", "NotPermitted"},
		{"a zero-width space", "[yes\u200b]", "", "NotPermitted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			edits := []lambdatest.Edit{set(map[string]any{
				"sub": "u1", "email": "amelia@example.com", "iss": "https://login.example.com", "exp": "1773345838",
			}, "requestContext", "authorizer", "jwt", "claims"), claim("groups", row.printed)}
			if row.token != "" {
				edits = append(edits, headerSet("authorization", bearer(`{`+rest+`,"groups":`+row.token+`}`)))
			}
			r := b.http(sample(t, "http-api-jwt", edits...))
			if got := r.code(t); got != row.want {
				t.Errorf("%s, want %s: %s", got, row.want, r.Body)
			}
		})
	}
}

// The claims as REST API's Cognito authorizer prints them: arrays with commas,
// times as dates.
func TestGroups_OfARESTAPI(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)))
	for _, row := range []struct{ name, printed, token, want string }{
		{"one group", "yes", "", "OK"},
		{"two groups, told by the token", "yes,no", `["yes","no"]`, "OK"},
		{"two groups and no token", "yes,no", "", "NotPermitted"},
		{"one group with a comma in its name", "no,yes", `["no,yes"]`, "NotPermitted"},
		{"one group with a space in its name", "no yes", `["no yes"]`, "NotPermitted"},
		{"in brackets, as an HTTP API in this format prints it", "[no yes]", `["no","yes"]`, "OK"},
		{"in brackets, one with a space", "[no yes]", `["no yes"]`, "NotPermitted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			edits := []lambdatest.Edit{set(map[string]any{
				"sub": "u1", "email": "amelia@example.com", "exp": "Thu Mar 12 20:03:58 UTC 2026", "groups": row.printed,
			}, "requestContext", "authorizer", "claims"),
				set(absent{}, "headers", "Authorization"), set(absent{}, "multiValueHeaders", "Authorization")}
			if row.token != "" {
				edits = append(edits, set([]any{bearer(`{"sub":"u1","email":"amelia@example.com","exp":1773345838,"groups":` + row.token + `}`)}, "multiValueHeaders", "Authorization"))
			}
			r := b.http(sample(t, "rest-api-cognito", edits...))
			if got := r.code(t); got != row.want {
				t.Errorf("%s, want %s: %s", got, row.want, r.Body)
			}
		})
	}
}

// A Lambda authorizer's context, AppSync's claims: values that nobody printed.
func TestGroups_OfTypedClaims(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		groups any
		want   string
	}{
		{"an array", []any{"no", "yes"}, "OK"},
		{"an array with a space in a name", []any{"no yes"}, "NotPermitted"},
		{"a JSON array in a string", `["no","yes"]`, "OK"},
		{"a JSON array in a string, broken", `["no","yes"`, "NotPermitted"},
		{"a word", "yes", "OK"},
		{"words", "no yes", "NotPermitted"},
		{"a print", "[no yes]", "NotPermitted"},
		{"a print of one", "[yes]", "NotPermitted"},
		{"nested arrays", []any{[]any{"yes"}}, "NotPermitted"},
		{"null", nil, "NotPermitted"},
		{"an object", map[string]any{"yes": "yes"}, "NotPermitted"},
		{"a boolean", true, "NotPermitted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			events := map[string][]byte{
				"http-api-lambda": sample(t, "http-api-lambda", set(row.groups, "requestContext", "authorizer", "lambda", "groups")),
				"appsync-oidc":    sample(t, "appsync-oidc", set(row.groups, "identity", "claims", "groups")),
				"appsync-lambda":  sample(t, "appsync-iam", set(map[string]any{"resolverContext": map[string]any{"sub": "u1", "email": "amelia@example.com", "groups": row.groups}}, "identity")),
			}
			if _, array := row.groups.([]any); !array { // a REST API's authorizer can only return scalars
				events["rest-api-lambda"] = sample(t, "rest-api-lambda", set(row.groups, "requestContext", "authorizer", "groups"))
			}
			for name, event := range events {
				b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)))
				out, err := b.call("api", event)
				if got := b.audit()["outcome"]; got != row.want {
					t.Errorf("%s: %v, want %s: %s %v", name, got, row.want, out, err)
				}
			}
		})
	}
}

// Groups that cannot be told apart make nobody of the operator, also where the
// policy asks for no group, or for one with that very name.
func TestGroups_InDoubtAreNobodys(t *testing.T) {
	t.Parallel()
	for name, groups := range map[string]any{
		"empty": "", "words": "no yes", "a comma": "no,yes", "a quote": `"yes"`, "a broken array": `["no","yes"`, "more after an array": `["no","yes"] also`, "an object": map[string]any{}, "an array of objects": []any{map[string]any{}},
	} {
		for _, event := range [][]byte{
			sample(t, "http-api-lambda", set(groups, "requestContext", "authorizer", "lambda", "groups")),
			sample(t, "http-api-jwt", claim("groups", groups)),
			sample(t, "appsync-oidc", set(groups, "identity", "claims", "groups")),
		} {
			b := newBroker(t, withPolicy(policyText(t, "any.cedar", `permit(principal is Operator, action, resource);`)))
			_, _ = b.call("api", event)
			if line := b.audit(); line["outcome"] != "NotPermitted" || line["principal"] != `Anonymous::""` {
				t.Errorf("%s: %v as %v", name, line["outcome"], line["principal"])
			}
		}
	}
}

// scope and scp are lists with spaces between the words, by their definition.
func TestGroups_OfAScope(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"scope", "scp"} {
		b := newBroker(t, withPolicy(policyText(t, "group.cedar", groupPolicy)), groupsClaim(name))
		if got := b.http(sample(t, "http-api-jwt", claim(name, "openid yes"))).code(t); got != "OK" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
