package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"atriptoken/handler"
)

// request returns a body with these members, each as JSON; "" leaves one out.
func request(orderNo, userName, role string) string {
	var members []string
	for _, m := range [][2]string{{"orderNo", orderNo}, {"userName", userName}, {"role", role}} {
		if m[1] != "" {
			members = append(members, `"`+m[0]+`":`+m[1])
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Each invalid body but the last has one fault; want is the answer's pointer and a
// part of its detail.
func TestRequest_Members(t *testing.T) {
	t.Parallel()
	const order, name, role = `"XPFIW20220209163159425"`, `"amelia@example.com"`, `"Finance"`
	b := newBroker(t)
	for _, row := range []struct {
		name, body string
		want       map[string]string // pointer -> word; nil for a valid request
	}{
		{"all three members", request(order, name, role), nil},
		{"another order of members", `{"role":"Finance","orderNo":"X1","userName":"amelia"}`, nil},
		{"white space around everything", " \t\r\n{ \"orderNo\" : \"X1\" ,\n\"userName\":\"amelia\",\"role\":\"Finance\" } \n", nil},
		{"escaped member name", `{"order\u004eo":"X1","userName":"amelia","role":"Finance"}`, nil},
		{"escaped value", `{"orderNo":"\u00581","userName":"amelia","role":"\u0046inance"}`, nil},
		{"the longest order number", request(quoted(strings.Repeat("é", 64)), name, role), nil},
		{"the longest user name", request(order, quoted(strings.Repeat("é", 128)), role), nil},
		{"a user name in another script", request(order, `"Ἀμελία 王 🛫"`, role), nil},
		{"a slash and dots in the order number", request(`"../XP 1/é"`, name, role), nil},

		{"no order number", request("", name, role), map[string]string{"/orderNo": "required"}},
		{"no user name", request(order, "", role), map[string]string{"/userName": "required"}},
		{"no role", request(order, name, ""), map[string]string{"/role": "required"}},
		{"nothing", `{}`, map[string]string{"/orderNo": "required", "/userName": "required", "/role": "required"}},
		{"an empty order number", request(`""`, name, role), map[string]string{"/orderNo": "empty"}},
		{"an empty user name", request(order, `""`, role), map[string]string{"/userName": "empty"}},
		{"an empty role", request(order, name, `""`), map[string]string{"/role": "one of"}},
		{"an order number too long", request(quoted(strings.Repeat("é", 65)), name, role), map[string]string{"/orderNo": "64"}},
		{"a user name too long", request(order, quoted(strings.Repeat("é", 129)), role), map[string]string{"/userName": "128"}},
		{"null", request(order, `null`, role), map[string]string{"/userName": "string"}},
		{"a number", request(`1`, name, role), map[string]string{"/orderNo": "string"}},
		{"a boolean", request(order, name, `true`), map[string]string{"/role": "string"}},
		{"an array of a role", request(order, name, `["Finance"]`), map[string]string{"/role": "string"}},
		{"an object", request(order, `{"name":"amelia"}`, role), map[string]string{"/userName": "string"}},
		{"a role in another case", request(order, name, `"finance"`), map[string]string{"/role": "one of"}},
		{"a role that is not configured", request(order, name, `"Owner"`), map[string]string{"/role": "one of"}},
		{"several roles in one string", request(order, name, `"Finance,Admin"`), map[string]string{"/role": "one of"}},
		{"a role with a space after it", request(order, name, `"Finance "`), map[string]string{"/role": "one of"}},
		{"a role with a Cyrillic letter", request(order, name, `"\u0410dmin"`), map[string]string{"/role": "one of"}},
		{"a space before the user name", request(order, `" amelia"`, role), map[string]string{"/userName": "space"}},
		{"a no-break space after the user name", request(order, `"amelia\u00a0"`, role), map[string]string{"/userName": "space"}},
		{"a space after the order number", request(`"X1 "`, name, role), map[string]string{"/orderNo": "space"}},
		{"a space alone", request(`" "`, name, role), map[string]string{"/orderNo": "space"}},
		{"a line break in the order number", request(`"X1\r\nX2"`, name, role), map[string]string{"/orderNo": "control"}},
		{"a NUL", request(order, `"amelia\u0000"`, role), map[string]string{"/userName": "control"}},
		{"a DEL", request(order, `"am\u007felia"`, role), map[string]string{"/userName": "control"}},
		{"a C1 control", request(order, `"am\u0085elia"`, role), map[string]string{"/userName": "control"}},
		{"a line separator", request(order, `"am\u2028elia"`, role), map[string]string{"/userName": "control"}},
		{"a right-to-left override", request(order, `"am\u202eelia"`, role), map[string]string{"/userName": "control"}},

		{"an unknown member", `{"orderNo":"X1","userName":"amelia","role":"Finance","admin":true}`, map[string]string{"/admin": "not a member"}},
		{"a member name in another case", `{"orderno":"X1","userName":"amelia","role":"Finance"}`,
			map[string]string{"/orderno": "not a member", "/orderNo": "required"}},
		{"a member name to be escaped in a pointer", `{"a/b~c":1,"orderNo":"X1","userName":"amelia","role":"Finance"}`,
			map[string]string{"/a~1b~0c": "not a member"}},
		{"an object's prototype", `{"__proto__":{"role":"Admin"},"orderNo":"X1","userName":"amelia","role":"Finance"}`,
			map[string]string{"/__proto__": "not a member"}},
		{"an unknown member with a long name", `{"` + strings.Repeat("n", 64) + `":1,"orderNo":"X1","userName":"amelia","role":"Finance"}`,
			map[string]string{"/" + strings.Repeat("n", 64): "not a member"}},
		{"an unknown member with a huge name", `{"` + strings.Repeat("n", 65) + `":1,"orderNo":"X1","userName":"amelia","role":"Finance"}`,
			map[string]string{"": "not a member"}},
		{"Atlas credentials in the body", `{"orderNo":"X1","userName":"amelia","role":"Finance","clientSecret":"s"}`,
			map[string]string{"/clientSecret": "not a member"}},
		{"an account in the body", `{"orderNo":"X1","userName":"amelia","role":"Finance","account":"b"}`,
			map[string]string{"/account": "not a member"}},
		{"every member bad at once", `{"orderNo":" ","userName":"\u0000","role":"x","more":1}`,
			map[string]string{"/orderNo": "space", "/userName": "control", "/role": "one of", "/more": "not a member"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			// The IAM sample's principal may use any name and role.
			r := b.http(sample(t, "http-api-iam", body(row.body)))
			if row.want == nil {
				if r.StatusCode != 200 {
					t.Fatalf("HTTP %d: %s", r.StatusCode, r.Body)
				}
				return
			}
			p := r.problem(t)
			got := map[string]string{}
			for _, e := range p.Errors {
				got[e.Pointer] = e.Detail
				if want, ok := row.want[e.Pointer]; ok && strings.Contains(e.Detail, want) {
					got[e.Pointer] = want
				}
			}
			if r.StatusCode != 400 || p.Code != "InvalidRequest" {
				t.Errorf("HTTP %d %s", r.StatusCode, p.Code)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A body that is not one strict JSON object gets one error.
func TestRequest_StrictObject(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for name, text := range map[string]string{
		"empty":                       ``,
		"white space":                 " \n",
		"not JSON":                    `orderNo=X1`,
		"null":                        `null`,
		"a string":                    `"` + `X1` + `"`,
		"an array":                    `[` + good + `]`,
		"two objects":                 good + good,
		"something after it":          good + ` x`,
		"cut short":                   good[:len(good)-1],
		"a comma too many":            `{"orderNo":"X1","userName":"amelia","role":"Finance",}`,
		"a comment":                   `{"orderNo":"X1",/* */"userName":"amelia","role":"Finance"}`,
		"single quotes":               `{'orderNo':'X1','userName':'amelia','role':'Finance'}`,
		"a name twice":                `{"orderNo":"X1","userName":"amelia","role":"Finance","role":"Admin"}`,
		"a name twice, once escaped":  `{"orderNo":"X1","userName":"amelia","role":"Finance","r\u006fle":"Admin"}`,
		"a name twice, deep inside":   `{"orderNo":{"a":1,"a":2},"userName":"amelia","role":"Finance"}`,
		"a lone surrogate":            `{"orderNo":"\ud800","userName":"amelia","role":"Finance"}`,
		"a raw line break in a value": "{\"orderNo\":\"X\n1\",\"userName\":\"amelia\",\"role\":\"Finance\"}",
		"a byte order mark":           "\ufeff" + good,
		"a depth of 10,001":           `{"orderNo":` + strings.Repeat("[", 10_001),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := b.http(sample(t, "http-api-iam", body(text))).problem(t)
			if p.Code != "InvalidRequest" || len(p.Errors) != 1 || p.Errors[0].Pointer != "" {
				t.Fatalf("%+v", p)
			}
			want := "is not strict JSON"
			if name == "null" || name == "a string" || name == "an array" {
				want = "must be one JSON object"
			}
			if !strings.Contains(p.Errors[0].Detail, want) {
				t.Errorf("%q does not say %q", p.Errors[0].Detail, want)
			}
		})
	}
}

func TestRequest_InvalidUTF8(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	// A JSON event cannot contain it; base64 can.
	encoded := base64.StdEncoding.EncodeToString([]byte("{\"orderNo\":\"X1\xff\",\"userName\":\"amelia\",\"role\":\"Finance\"}"))
	r := b.http(sample(t, "http-api-iam", body(encoded), set(true, "isBase64Encoded")))
	if p := r.problem(t); p.Code != "InvalidRequest" || len(p.Errors) != 1 {
		t.Errorf("%+v", p)
	}
	if _, code, _ := b.plain("{\"orderNo\":\"X1\xff\",\"userName\":\"amelia\",\"role\":\"Finance\"}"); code != "InvalidRequest" {
		t.Errorf("plain: %s", code)
	}
}

func TestRequest_MaxFaults(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	text := `{"orderNo":"X1","userName":"amelia","role":"Finance"`
	for i := range 500 {
		text += `,"m` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `":1`
	}
	if p := b.http(sample(t, "http-api-iam", body(text+"}"))).problem(t); len(p.Errors) != 20 {
		t.Errorf("%d faults are named, want 20", len(p.Errors))
	}
}

func TestRequest_Base64(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	encode := base64.StdEncoding.EncodeToString
	fits, over := good+strings.Repeat(" ", 16<<10-len(good)), good+strings.Repeat(" ", 16<<10+1-len(good))
	for name, row := range map[string]struct{ body, code string }{
		"as API Gateway sends it": {encode([]byte(good)), "OK"},
		"16 KiB":                  {encode([]byte(fits)), "OK"},
		"16 KiB and a byte":       {encode([]byte(over)), "BodyTooLarge"},
		"far over":                {strings.Repeat("A", 6<<20), "BodyTooLarge"},
		"not base64":              {good, "InvalidRequest"},
		"the URL alphabet":        {strings.ReplaceAll(encode([]byte(good+" \xff\xfe")), "/", "_"), "InvalidRequest"},
		"no padding":              {base64.RawStdEncoding.EncodeToString([]byte(good + " ")), "InvalidRequest"},
		"trailing bits":           {"e31=", "InvalidRequest"},
	} {
		r := b.http(sample(t, "http-api-iam", body(row.body), set(true, "isBase64Encoded")))
		if got := r.code(t); got != row.code {
			t.Errorf("%s: %s, want %s", name, got, row.code)
		} else if got == "InvalidRequest" && !strings.Contains(r.Body, "is not base64") {
			t.Errorf("%s: the answer does not say what is wrong: %s", name, r.Body)
		}
	}
	if got := b.http(sample(t, "http-api-iam", body(encode([]byte(good))))).code(t); got != "InvalidRequest" {
		t.Errorf("base64 that is not declared: %s", got)
	}
}

// The claim replaces an absent userName, but not an empty or null one.
func TestRequest_AbsentUserName(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	if r := b.http(sample(t, "http-api-jwt", body(`{"orderNo":"X1","role":"Customer service"}`))); r.StatusCode != 200 {
		t.Fatalf("HTTP %d: %s", r.StatusCode, r.Body)
	}
	calls := b.atlas.Requests()
	if got, want := calls[len(calls)-1].Body, `{"orderNo":"X1","userName":"amelia@example.com","role":"Customer service"}`; got != want {
		t.Errorf("Atlas received %s, want %s", got, want)
	}
	for _, userName := range []string{`""`, `null`} {
		text := request(`"X1"`, userName, `"Customer service"`)
		if got := b.http(sample(t, "http-api-jwt", body(text))).code(t); got != "InvalidRequest" {
			t.Errorf("%s: %s", text, got)
		}
	}
	if _, code, _ := b.plain(`{"orderNo":"X1","role":"Customer service"}`); code != "InvalidRequest" {
		t.Errorf("a service without userName: %s", code)
	}
}

// FuzzRequest sends plain events. If the broker accepts one, encoding/json must
// read the same three strings, and Atlas must receive exactly those.
func FuzzRequest(f *testing.F) {
	u := newUpstream(f)
	b := newBroker(f, u.use(f), func(c *handler.Config) { c.Logger = discard })
	f.Add([]byte(good))
	f.Add([]byte(`{"role":"Finance","orderNo":"X1","userName":"a\u006delia"}`))
	f.Add([]byte(`{"orderNo":"X1","userName":"amelia","role":"Finance","ROLE":"Admin"}`))
	f.Add([]byte(`{"orderNo":"X1","userName":"amelia","role":"Finance","role":"Admin"}`))
	f.Add([]byte(" {}"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		before, _ := u.received()
		out, err := b.call("service", payload)
		code, _ := functionError(t, err)
		calls, sent := u.received()
		if code != "OK" {
			if code != "InvalidRequest" && code != "BodyTooLarge" && code != "NotPermitted" {
				t.Fatalf("%s", code)
			}
			if calls != before {
				t.Fatal("Atlas was called for a request that was refused")
			}
			return
		}
		if !utf8.Valid(payload) {
			t.Fatal("accepted a body that is not UTF-8")
		}
		var generic map[string]any
		if err := json.Unmarshal(payload, &generic); err != nil || len(generic) != 3 {
			t.Fatalf("accepted what encoding/json does not read as three members: %v", err)
		}
		var received map[string]any
		if err := json.Unmarshal([]byte(sent), &received); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(generic, received); diff != "" {
			t.Fatalf("Atlas received another request: %s", diff)
		}
		if !strings.Contains(string(out), `"status":0`) {
			t.Fatalf("the answer is %s", out)
		}
	})
}
