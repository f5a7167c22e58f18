package handler_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// request returns a body with these members, each as JSON.
func request(orderNo, userName, role string) string {
	return `{"orderNo":` + orderNo + `,"userName":` + userName + `,"role":` + role + `}`
}

// Each invalid body but the last ones has one fault; want has the answer's pointers
// and a word of each detail.
func TestRequest_Members(t *testing.T) {
	t.Parallel()
	const order, name, role = `"XPFIW20220209163159425"`, `"amelia@example.com"`, `"Finance"`
	more := func(member string) string {
		return strings.TrimSuffix(request(order, name, role), "}") + "," + member + "}"
	}
	long := strings.Repeat("n", 64)
	b := newBroker(t)
	for _, row := range []struct {
		name, body string
		want       []string // nil for a valid request
	}{
		{"white space around everything", " \t\r\n{ \"orderNo\" : \"X1\" ,\n\"userName\":\"amelia\",\"role\":\"Finance\" } \n", nil},
		{"escaped member name", `{"order\u004eo":"X1","userName":"amelia","role":"Finance"}`, nil},
		{"escaped value", request(`"\u00581"`, name, `"\u0046inance"`), nil},
		{"the longest order number", request(quoted(strings.Repeat("é", 64)), name, role), nil},
		{"the longest user name", request(order, quoted(strings.Repeat("é", 128)), role), nil},
		{"a user name in another script", request(order, `"Ἀμελία 王 🛫"`, role), nil},
		{"a slash and dots in the order number", request(`"../XP 1/é"`, name, role), nil},

		{"an empty user name", request(order, `""`, role), []string{"/userName empty"}},
		{"an order number too long", request(quoted(strings.Repeat("é", 65)), name, role), []string{"/orderNo 64"}},
		{"a user name too long", request(order, quoted(strings.Repeat("é", 129)), role), []string{"/userName 128"}},
		{"null", request(order, `null`, role), []string{"/userName string"}},
		{"a number", request(`1`, name, role), []string{"/orderNo string"}},
		{"an array of a role", request(order, name, `["Finance"]`), []string{"/role string"}},
		{"a role in another case", request(order, name, `"finance"`), []string{"/role one of"}},
		{"several roles in one string", request(order, name, `"Finance,Admin"`), []string{"/role one of"}},
		{"a space before the user name", request(order, `" amelia"`, role), []string{"/userName space"}},
		{"a no-break space after the user name", request(order, `"amelia\u00a0"`, role), []string{"/userName space"}},
		{"a line break in the order number", request(`"X1\r\nX2"`, name, role), []string{"/orderNo control"}},
		{"a C1 control", request(order, `"am\u0085elia"`, role), []string{"/userName control"}},
		{"a line separator", request(order, `"am\u2028elia"`, role), []string{"/userName control"}},
		{"a paragraph separator", request(order, `"am\u2029elia"`, role), []string{"/userName control"}},
		{"a right-to-left override", request(order, `"am\u202eelia"`, role), []string{"/userName control"}},

		{"Atlas credentials", more(`"clientSecret":"s"`), []string{"/clientSecret not a member"}},
		{"a name to be escaped in a pointer", more(`"a/b~c":1`), []string{"/a~1b~0c not a member"}},
		{"a long name", more(`"` + long + `":1`), []string{"/" + long + " not a member"}},
		{"a name too long to repeat", more(`"n` + long + `":1`), []string{" not a member"}},
		{"a name not fit to repeat", more(`"n\u0085":1`), []string{" not a member"}},
		{"a name in another case", strings.Replace(good, "N", "n", 1), []string{"/orderNo required", "/orderno not a member"}},
		{"nothing", `{}`, []string{"/orderNo required", "/role required", "/userName required"}},
		{"every member bad at once", `{"orderNo":" ","userName":"\u0000","role":"x","more":1}`,
			[]string{"/more not a member", "/orderNo space", "/role one of", "/userName control"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			// The IAM sample's principal may use any name and role.
			r := b.http(sample("http-api-iam", body(row.body)))
			if row.want == nil {
				if r.StatusCode != 200 {
					t.Fatalf("HTTP %d: %s", r.StatusCode, r.Body)
				}
				return
			}
			var got []string
			for _, e := range r.problem(t).Errors {
				for _, want := range row.want {
					if pointer, word, _ := strings.Cut(want, " "); pointer == e.Pointer && strings.Contains(e.Detail, word) {
						e.Detail = word
					}
				}
				got = append(got, e.Pointer+" "+e.Detail)
			}
			slices.Sort(got)
			if diff := cmp.Diff(row.want, got); diff != "" || r.code(t) != "InvalidRequest" {
				t.Errorf("HTTP %d %s %s", r.StatusCode, r.code(t), diff)
			}
		})
	}
}

// A body that is not one strict JSON object gets one error.
func TestRequest_StrictObject(t *testing.T) {
	t.Parallel()
	const notJSON, notObject = "is not strict JSON", "must be one JSON object"
	b := newBroker(t)
	for name, row := range map[string]struct{ text, want string }{
		"empty":                      {``, notJSON},
		"not JSON":                   {`orderNo=X1`, notJSON},
		"null":                       {`null`, notObject},
		"a string":                   {`"X1"`, notObject},
		"an array":                   {`[` + good + `]`, notObject},
		"two objects":                {good + good, notJSON},
		"cut short":                  {good[:len(good)-1], notJSON},
		"a comment":                  {`{"orderNo":"X1",/* */"userName":"amelia","role":"Finance"}`, notJSON},
		"a name twice":               {`{"orderNo":"X1","userName":"amelia","role":"Finance","role":"Admin"}`, notJSON},
		"a name twice, once escaped": {`{"orderNo":"X1","userName":"amelia","role":"Finance","r\u006fle":"Admin"}`, notJSON},
		"a name twice, deep inside":  {`{"orderNo":{"a":1,"a":2},"userName":"amelia","role":"Finance"}`, notJSON},
		"a lone surrogate":           {`{"orderNo":"\ud800","userName":"amelia","role":"Finance"}`, notJSON},
		"a byte order mark":          {"\ufeff" + good, notJSON},
		"a depth of 10,001":          {`{"orderNo":` + strings.Repeat("[", 10_001), notJSON},
	} {
		p := b.http(sample("http-api-iam", body(row.text))).problem(t)
		if p.Code != "InvalidRequest" || len(p.Errors) != 1 || p.Errors[0].Pointer != "" || !strings.Contains(p.Errors[0].Detail, row.want) {
			t.Errorf("%s: %+v, want %q", name, p, row.want)
		}
	}
}

func TestRequest_MaxFaults(t *testing.T) {
	t.Parallel()
	text := strings.TrimSuffix(good, "}")
	for i := range 500 {
		text += fmt.Sprintf(`,"m%d":1`, i)
	}
	if p := newBroker(t).http(sample("http-api-iam", body(text+"}"))).problem(t); len(p.Errors) != 20 {
		t.Errorf("%d faults are named, want 20", len(p.Errors))
	}
}

func TestRequest_Base64(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	fits := good + strings.Repeat(" ", 16<<10-len(good))
	for name, row := range map[string]struct{ body, want string }{
		"16 KiB":            {encode(fits), `"status":0`},
		"16 KiB and a byte": {encode(fits + " "), "BodyTooLarge"},
		"far over":          {strings.Repeat("A", 6<<20), "BodyTooLarge"},
		"not UTF-8":         {encode(strings.Replace(good, "XP", "\xff", 1)), "is not strict JSON"},
		"not base64":        {good, "is not base64"},
		"the URL alphabet":  {strings.ReplaceAll(encode(good+" \xff\xfe"), "/", "_"), "is not base64"},
		"no padding":        {strings.TrimRight(encode(good+" "), "="), "is not base64"},
		"trailing bits":     {"e31=", "is not base64"},
	} {
		if r := b.http(sample("http-api-iam", body(row.body), set(true, "isBase64Encoded"))); !strings.Contains(r.Body, row.want) {
			t.Errorf("%s: %s, want %s", name, r.Body, row.want)
		}
	}
	if got := b.http(sample("http-api-iam", body(encode(good)))).code(t); got != "InvalidRequest" {
		t.Errorf("base64 that is not declared: %s", got)
	}
}
