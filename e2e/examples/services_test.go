package examples

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
)

// machine is the part of the Amazon States Language that the example uses.
type machine struct {
	StartAt string
	States  map[string]struct {
		Next       string
		Parameters struct {
			Payload map[string]string
		}
		Retry, Catch []rule
	}
}

// rule is one of a state's reactions to errors.
type rule struct {
	ErrorEquals []string
	MaxAttempts int    // of a retry
	Next        string // of a catch
}

// run runs the machine without its pauses. It returns the last state, or an error that is not caught, and the number of invocations.
func (m machine) run(b broker, role string) (end string, invocations int) {
	state := m.States[m.StartAt]
	input := map[string]string{"$.orderNo": order, "$.userName": "amelia@example.com", "$.role": role}
	payload := map[string]string{}
	for name, path := range state.Parameters.Payload {
		payload[strings.TrimSuffix(name, ".$")] = input[path]
	}
	for retried := map[int]int{}; ; {
		_, reply := b.invoke("service", payload)
		invocations++
		if !reply.Failed() {
			return state.Next, invocations
		}
		applies := func(r rule) bool {
			return slices.Contains(r.ErrorEquals, reply.ErrorType) || slices.Contains(r.ErrorEquals, "States.ALL")
		}
		if retry := slices.IndexFunc(state.Retry, applies); retry >= 0 && retried[retry] < state.Retry[retry].MaxAttempts {
			retried[retry]++
		} else if caught := slices.IndexFunc(state.Catch, applies); caught >= 0 {
			return state.Catch[caught].Next, invocations
		} else {
			return reply.ErrorType, invocations
		}
	}
}

func TestStepFunctions(t *testing.T) {
	m := read[machine](t, "docs/examples/step-functions.asl.json")
	fails := atlastest.SystemError()
	for _, row := range []struct {
		name, role string
		atlas      []atlastest.Step // the last one repeats
		end        string
		invoked    int
	}{
		{"link", "Finance", []atlastest.Step{atlastest.OK()}, "HandOver", 1},
		{"unknown role", "Boss", []atlastest.Step{atlastest.OK()}, "Refused", 1},
		{"Atlas refuses the credentials", "Finance", []atlastest.Step{atlastest.Unauthorized()}, "CallSupport", 1},
		{"Atlas fails twice", "Finance", []atlastest.Step{fails, fails, atlastest.OK()}, "HandOver", 2},
		{"Atlas keeps failing", "Finance", []atlastest.Step{fails}, "TryLater", 3},
		{"Atlas limits the rate", "Finance", []atlastest.Step{atlastest.RateLimited(60, 200)}, "TryLater", 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBroker(t)
			last := len(row.atlas) - 1
			b.Atlas.Script(row.atlas[:last]...)
			b.Atlas.Always(row.atlas[last])
			end, invoked := m.run(b, row.role)
			if _, ok := m.States[end]; !ok || end != row.end || invoked != row.invoked {
				t.Errorf("ends in %s after %d invocations, want %s after %d", end, invoked, row.end, row.invoked)
			}
		})
	}
	services := strings.Fields("States.ALL Sandbox.Timedout Lambda.ServiceException Lambda.AWSLambdaException " +
		"Lambda.SdkClientException Lambda.TooManyRequestsException")
	for _, r := range slices.Concat(m.States[m.StartAt].Retry, m.States[m.StartAt].Catch) {
		for _, name := range r.ErrorEquals {
			_, ok := handler.Codes()[handler.Code(name)]
			if !ok && !slices.Contains(services, name) {
				t.Errorf("neither the broker nor AWS has the error %s", name)
			}
		}
	}
}

func TestAppSync(t *testing.T) {
	b := newBroker(t)
	resolver, err := os.ReadFile(filepath.Join(dir, "appsync/getAtripToken.js"))
	if err != nil {
		t.Fatal(err)
	}
	const util = `const util = { error: (message, type) => { throw { message, type }; } };`
	script := strings.Replace(string(resolver), `import { util } from '@aws-appsync/utils';`, util, 1) + `
		const [name, ctx] = process.argv.slice(1);
		let out;
		try { out = { request, response }[name](JSON.parse(ctx)); } catch (e) { out = { thrown: e }; }
		console.log(JSON.stringify(out));`
	// call calls a function of the resolver.
	call := func(function string, ctx any) (out map[string]any) {
		t.Helper()
		input, _ := json.Marshal(ctx) // it came from JSON
		text, failed := run(t, exec.Command("node", "--input-type=module", "--eval", script, function, string(input)))
		if failed || json.Unmarshal([]byte(text), &out) != nil {
			t.Fatalf("node: %s", text)
		}
		return out
	}
	ctx := read[map[string]any](t, "events/appsync-oidc.json")
	for _, row := range []struct{ role, thrown string }{{"Finance", ""}, {"Admin", "NotPermitted"}, {"Boss", "InvalidRequest"}} {
		ctx["args"] = map[string]string{"orderNo": order, "role": row.role}
		request := call("request", ctx)
		if request["operation"] != "Invoke" {
			t.Fatalf("the request is %v", request)
		}
		answer, reply := b.invoke("api", request["payload"])
		result := map[string]any{"result": answer}
		if reply.Failed() {
			result = map[string]any{"error": map[string]string{"message": reply.ErrorMessage, "type": reply.ErrorType}}
		}
		response := call("response", result)
		thrown, _ := response["thrown"].(map[string]any)
		if row.thrown == "" && !b.isLink(response["url"]) || row.thrown != "" && thrown["type"] != row.thrown {
			t.Errorf("role %s: %v, want a link or the error %q", row.role, response, row.thrown)
		}
	}
}

// flow is the part of Amazon Connect's flow language that the example uses.
type flow struct {
	StartAction string
	Actions     []struct {
		Identifier, Type string
		Parameters       struct{ LambdaInvocationAttributes, ViewData map[string]string }
		Transitions      struct {
			NextAction         string
			Conditions, Errors []struct {
				NextAction string
				Condition  struct{ Operands []string }
			}
		}
	}
}

func TestConnectFlow(t *testing.T) {
	f := read[flow](t, "docs/examples/connect-flow.json")
	at := map[string]int{}
	for i, a := range f.Actions {
		at[a.Identifier] = i
	}
	for _, a := range f.Actions { // every transition leads to an action
		for _, c := range slices.Concat(a.Transitions.Conditions, a.Transitions.Errors) {
			if _, ok := at[c.NextAction]; !ok {
				t.Fatalf("the flow has no action %q", c.NextAction)
			}
		}
		if _, ok := at[a.Transitions.NextAction]; !ok && a.Type != "EndFlowExecution" {
			t.Fatalf("the flow has no action %q", a.Transitions.NextAction)
		}
	}
	ask, show := f.Actions[at[f.StartAction]], f.Actions[at["show"]]
	which := f.Actions[at[ask.Transitions.NextAction]].Transitions
	for _, row := range []struct {
		name, order string
		step        atlastest.Step
		end         string
	}{
		{"link", order, atlastest.OK(), "show"},
		{"no order", "", atlastest.OK(), "refused"},
		{"Atlas refuses the credentials", order, atlastest.Unauthorized(), "support"},
		{"Atlas fails", order, atlastest.SystemError(), "later"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBroker(t)
			b.Atlas.Always(row.step)
			parameters := map[string]string{}
			replace := strings.NewReplacer("$.Attributes.orderNo", row.order, "$.Attributes.agentEmail", "amelia@example.com")
			for name, value := range ask.Parameters.LambdaInvocationAttributes {
				parameters[name] = replace.Replace(value)
			}
			external, _ := b.invoke("service", json.RawMessage(lambdatest.Event("connect", lambdatest.Set(parameters, "Details", "Parameters"))))
			next := which.Errors[0].NextAction
			for _, c := range which.Conditions {
				if code, _ := external["code"].(string); slices.Contains(c.Condition.Operands, code) {
					next = c.NextAction
				}
			}
			if next != row.end {
				t.Errorf("%v leads to %s, want %s", external, next, row.end)
			}
			if link := show.Parameters.ViewData["link"]; next == "show" && (link != "$.External.url" || !b.isLink(external["url"])) {
				t.Errorf("the view shows %s of %v", link, external)
			}
		})
	}
}
