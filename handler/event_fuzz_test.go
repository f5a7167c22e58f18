package handler_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
)

func FuzzEventHTTPAPI(f *testing.F)      { fuzzEvents(f, "http-api-", "function-url-") }
func FuzzEventRESTAPI(f *testing.F)      { fuzzEvents(f, "rest-api-") }
func FuzzEventLoadBalancer(f *testing.F) { fuzzEvents(f, "load-balancer") }
func FuzzEventAppSync(f *testing.F)      { fuzzEvents(f, "appsync-") }
func FuzzEventConnect(f *testing.F)      { fuzzEvents(f, "connect") }
func FuzzEventPlain(f *testing.F)        { fuzzEvents(f, "plain") }

// fuzzDoors are the aliases of fuzzed events.
var fuzzDoors = []string{"api", "service", ""}

// fuzzValues replace members in the seeds.
var fuzzValues = []string{
	`null`, `""`, `[]`, `{}`, `0`, `true`, `"amelia@example.com"`, `"oskar@example.com"`,
	`"[atrip-admin atrip-finance]"`, `"[x atrip-admin]"`,
	`["atrip-admin"]`, `"Admin"`, `"POST"`, `"/getAtripToken.do"`, `"2.0"`, `"false"`,
	`"{\"orderNo\":\"X<1\",\"userName\":\"amelia@example.com\",\"role\":\"Admin\"}"`,
	`"{\"orderNo\":\"X1\",\"role\":\"Customer service\"}"`,
	`{"orderNo":"X1","userName":"oskar@example.com","role":"Admin"}`,
	`{"userArn":"arn:aws:iam::123456789012:root"}`,
}

// fuzzEvents sends events made from the samples with these prefixes: the payload
// unchanged or, if member is not 0, with that member (counted through the whole
// event) replaced by the JSON in value. judge names what must hold for each.
func fuzzEvents(f *testing.F, prefixes ...string) {
	for _, name := range lambdatest.EventNames() {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		payload := lambdatest.Event(name)
		for door := range fuzzDoors {
			f.Add(payload, uint16(0), "", uint8(door))
		}
		for member := range members(payload) {
			f.Add(payload, uint16(member+1), fuzzValues[member%len(fuzzValues)], uint8(member%len(fuzzDoors)))
		}
	}
	u := &upstream{}
	b := newBroker(f, through(f, u))
	f.Fuzz(func(t *testing.T, payload []byte, member uint16, value string, door uint8) {
		if member != 0 {
			payload = replaced(payload, int(member-1), value)
		}
		judge(t, b, u, fuzzDoors[int(door)%len(fuzzDoors)], payload)
	})
}

// Every member of every sample, replaced by every value, through every alias.
func TestEvent_Invariants(t *testing.T) {
	t.Parallel()
	u := &upstream{}
	b := newBroker(t, through(t, u))
	for _, name := range lambdatest.EventNames() {
		payload := lambdatest.Event(name)
		for member := range members(payload) {
			for i, value := range fuzzValues {
				judge(t, b, u, fuzzDoors[(member+i)%len(fuzzDoors)], replaced(payload, member, value))
			}
		}
	}
	if calls, _ := u.received(); calls < 100 {
		t.Errorf("only %d events reached Atlas", calls)
	}
}

// judge sends one event. Its code must be documented; a link is only the answer to
// a call with the body that the audit line names, which is the event of a plain caller; an operator's name is their own;
// only the API's alias takes identities; and no secret is in an output.
func judge(t *testing.T, b *broker, u *upstream, door string, payload []byte) {
	t.Helper()
	b.t = t // a fuzz target may not use its F
	b.log.Reset()
	before, _ := u.received()
	out, err := b.call(door, payload)
	code, message := functionError(t, err)
	calls, sent := u.received()
	line := b.audit()
	outcome, _ := line["outcome"].(string)
	_, documented := handler.Codes()[handler.Code(outcome)]
	linked := strings.Contains(string(out), upstreamLink)
	switch {
	case !documented && outcome != "OK", outcome == string(handler.Internal), code != "OK" && code != outcome:
		t.Fatalf("the outcome of %q is %s, answered as %s", payload, outcome, code)
	case linked != (outcome == "OK"), (calls == before+1) != linked:
		t.Fatalf("%s after %d calls of Atlas for %q: %s", outcome, calls-before, payload, out)
	case strings.Contains(b.log.String()+string(out)+message, clientSecret), strings.Contains(b.log.String(), upstreamLink):
		t.Fatalf("a secret is in an output for %q", payload)
	case !linked:
		return
	}
	var body, event map[string]any
	if err := json.Unmarshal([]byte(sent), &body); err != nil {
		t.Fatalf("Atlas received %s (%v) for %q", sent, err, payload)
	}
	// Another decoder reads the same request, and nothing else, from a plain event.
	if err := json.Unmarshal(payload, &event); line["caller"] == "plain" && (err != nil || !maps.Equal(event, body) || !utf8.Valid(payload)) {
		t.Fatalf("Atlas received %s for %q (%v)", sent, payload, err)
	}
	want := map[string]any{"orderNo": line["orderNo"], "userName": line["userName"], "role": line["role"]}
	if !maps.Equal(body, want) {
		t.Fatalf("Atlas received %v, and the audit line names %v, for %q", body, want, payload)
	}
	kind, _, _ := strings.Cut(line["principal"].(string), "::")
	if kind == "Operator" && line["operatorName"] != line["userName"] || (kind == "Service") == (door == "api") {
		t.Fatalf("through %q %v used the name %v, by %q", door, line["principal"], line["userName"], payload)
	}
}

// walk visits every member of every object in a value, in a fixed order.
func walk(value any, visit func(object map[string]any, name string)) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			walk(v[name], visit)
			visit(v, name)
		}
	case []any:
		for _, member := range v {
			walk(member, visit)
		}
	}
}

// members returns how many members an event has.
func members(payload []byte) (n int) {
	var event any
	_ = json.Unmarshal(payload, &event)
	walk(event, func(map[string]any, string) { n++ })
	return n
}

// replaced returns the payload with a member's value replaced, or unchanged if it
// has no members or the value is not JSON.
func replaced(payload []byte, member int, value string) []byte {
	var event, with any
	all := members(payload)
	if all == 0 || json.Unmarshal(payload, &event) != nil || json.Unmarshal([]byte(value), &with) != nil {
		return payload
	}
	n := 0
	walk(event, func(object map[string]any, name string) {
		if n == member%all {
			object[name] = with
		}
		n++
	})
	text, _ := json.Marshal(event) // what was decoded can be encoded
	return text
}
