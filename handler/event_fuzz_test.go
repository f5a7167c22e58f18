package handler_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	`"{\"orderNo\":\"X1\",\"userName\":\"amelia@example.com\",\"role\":\"Admin\"}"`,
	`"{\"orderNo\":\"X1\",\"role\":\"Customer service\"}"`,
	`{"orderNo":"X1","userName":"oskar@example.com","role":"Admin"}`,
	`{"userArn":"arn:aws:iam::123456789012:root"}`,
}

// fuzzEvents sends events made from the samples with these prefixes: the payload
// unchanged or, if member is not 0, with that member (counted through the whole
// event) replaced by the JSON in value. The handler must not panic, and must not
// send Atlas what the oracle does not allow.
func fuzzEvents(f *testing.F, prefixes ...string) {
	for _, name := range lambdatest.EventNames() {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		payload := lambdatest.Event(name)
		for door := range fuzzDoors {
			f.Add(payload, uint16(0), "", uint8(door))
		}
		for member := range places(payload) {
			f.Add(payload, uint16(member+1), fuzzValues[member%len(fuzzValues)], uint8(member%len(fuzzDoors)))
		}
	}
	u := newUpstream(f)
	b := newBroker(f, u.use(f), func(c *handler.Config) { c.Logger = discard })
	f.Fuzz(func(t *testing.T, payload []byte, member uint16, value string, door uint8) {
		if member != 0 {
			payload = replaced(payload, int(member-1), value)
		}
		judge(t, b, u, fuzzDoors[int(door)%len(fuzzDoors)], payload)
	})
}

// Every member of every sample, replaced by every value, through every alias.
func TestEvent_Oracle(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b := newBroker(t, u.use(t), func(c *handler.Config) { c.Logger = discard })
	for _, name := range lambdatest.EventNames() {
		payload := lambdatest.Event(name)
		for member := range places(payload) {
			for i, value := range fuzzValues {
				judge(t, b, u, fuzzDoors[(member+i)%len(fuzzDoors)], replaced(payload, member, value))
			}
		}
	}
	if calls, _ := u.received(); calls < 100 {
		t.Errorf("only %d events reached Atlas, so the oracle was hardly used", calls)
	}
}

// judge sends one event and compares the call of Atlas with the oracle.
func judge(t *testing.T, b *broker, u *upstream, door string, payload []byte) {
	t.Helper()
	before, _ := u.received()
	out, code := fuzzCall(t, b, door, payload)
	calls, sent := u.received()
	if code == string(handler.Internal) {
		t.Fatalf("it panicked on %q", payload)
	}
	if calls == before {
		return
	}
	want := oracle(payload, door)
	if want == nil {
		t.Fatalf("through %q Atlas received %s, which the oracle denies, by %q", door, sent, payload)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(sent), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("Atlas received another request than %q: %s", payload, diff)
	}
	if !strings.Contains(string(out), "https://atriptech.com/x") {
		t.Fatalf("the answer to %q is %s", payload, out)
	}
}

// fuzzCall returns the answer and its code, from any form.
func fuzzCall(t *testing.T, b *broker, door string, payload []byte) ([]byte, string) {
	out, err := b.call(door, payload)
	if err != nil {
		code, _ := functionError(t, err)
		return out, code
	}
	var answer struct{ Body, Code string }
	if json.Unmarshal(out, &answer) != nil {
		t.Fatalf("the answer to %q is not JSON: %s", payload, out)
	}
	if answer.Code != "" {
		return out, answer.Code
	}
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(answer.Body), &p)
	return out, p.Code
}

// place is a member of an object somewhere in an event.
type place struct {
	object map[string]any
	name   string
}

// places returns every member of every object, in a fixed order.
func places(payload []byte) []place {
	var event any
	if json.Unmarshal(payload, &event) != nil {
		return nil
	}
	return placesIn(event)
}

func placesIn(value any) (all []place) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, place{v, name})
			all = append(all, placesIn(v[name])...)
		}
	case []any:
		for _, member := range v {
			all = append(all, placesIn(member)...)
		}
	}
	return all
}

// replaced returns the payload with a member's value replaced, or unchanged if it
// has no members or the value is not JSON.
func replaced(payload []byte, member int, value string) []byte {
	var event, with any
	if json.Unmarshal(payload, &event) != nil || json.Unmarshal([]byte(value), &with) != nil {
		return payload
	}
	all := placesIn(event)
	if len(all) == 0 {
		return payload
	}
	at := all[member%len(all)]
	at.object[at.name] = with
	text, err := json.Marshal(event)
	if err != nil {
		return payload
	}
	return text
}
