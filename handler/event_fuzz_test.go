package handler_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
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

// fuzzDoors are the doors that a fuzzed event comes through.
var fuzzDoors = []string{"api", "service", ""}

// fuzzValues are what the seeds put in a member's place.
var fuzzValues = []string{
	`null`, `""`, `[]`, `{}`, `0`, `true`, `"amelia@example.com"`, `"oskar@example.com"`, `"[atrip-admin atrip-finance]"`, `"[x atrip-admin]"`,
	`["atrip-admin"]`, `"Admin"`, `"POST"`, `"/getAtripToken.do"`, `"2.0"`, `"false"`,
	`"{\"orderNo\":\"X1\",\"userName\":\"amelia@example.com\",\"role\":\"Admin\"}"`,
	`"{\"orderNo\":\"X1\",\"role\":\"Customer service\"}"`,
	`{"orderNo":"X1","userName":"oskar@example.com","role":"Admin"}`,
	`{"userArn":"arn:aws:iam::123456789012:root"}`,
}

// fuzzEvents sends events made from the samples with these prefixes: the
// payload as it is or, when member is not 0, with that member's value (counted
// through the whole event) replaced by the JSON in value. Never may the handler
// panic, and never may it ask Atlas what the oracle has not allowed.
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
	b := newBroker(f, u.use(f), func(c *handler.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	f.Fuzz(func(t *testing.T, payload []byte, member uint16, value string, door uint8) {
		if member != 0 {
			payload = replaced(payload, int(member-1), value)
		}
		judge(t, b, u, fuzzDoors[int(door)%len(fuzzDoors)], payload)
	})
}

// Every member of every sample, replaced by every value, through every door.
func TestEvent_NoReplacedMemberOpensWhatTheOracleDenies(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	b := newBroker(t, u.use(t), func(c *handler.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	for _, name := range lambdatest.EventNames() {
		payload := lambdatest.Event(name)
		for member := range places(payload) {
			for i, value := range fuzzValues {
				judge(t, b, u, fuzzDoors[(member+i)%len(fuzzDoors)], replaced(payload, member, value))
			}
		}
	}
	if calls, _ := u.asked(); calls < 100 {
		t.Errorf("only %d events reached Atlas: the oracle was not put to the test", calls)
	}
}

// judge sends one event and compares what it led to with the oracle.
func judge(t *testing.T, b *broker, u *upstream, door string, payload []byte) {
	t.Helper()
	before, _ := u.asked()
	out, code := fuzzCall(t, b, door, payload)
	calls, sent := u.asked()
	if code == string(handler.Internal) {
		t.Fatalf("it panicked on %q", payload)
	}
	if calls == before {
		return
	}
	want := oracle(payload, door)
	if want == nil {
		t.Fatalf("through %q Atlas was asked for %s, which the oracle denies, by %q", door, sent, payload)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(sent), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("Atlas was asked for something else than %q means: %s", payload, diff)
	}
	if !strings.Contains(string(out), "https://atriptech.com/x") {
		t.Fatalf("the answer to %q is %s", payload, out)
	}
}

// fuzzCall returns the answer and its code, in whatever form it came.
func fuzzCall(t *testing.T, b *broker, door string, payload []byte) ([]byte, string) {
	arn := "arn:aws:lambda:eu-west-1:123456789012:function:atriptoken"
	if door != "" {
		arn += ":" + door
	}
	ctx, cancel := context.WithTimeout(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: arn}), 20*time.Second)
	defer cancel()
	out, err := b.Invoke(ctx, payload)
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
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
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

// replaced returns the payload with a member's value replaced; as it is when it
// has no such member or the value is no JSON.
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
