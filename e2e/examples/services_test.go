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
		Type, Next string
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

func (r rule) matches(name string) bool {
	return slices.Contains(r.ErrorEquals, name) || slices.Contains(r.ErrorEquals, "States.ALL")
}

// run runs the machine without its pauses. It returns the last state and the
// number of invocations.
func (m machine) run(t *testing.T, b broker, input map[string]string) (end string, invocations int) {
	t.Helper()
	state := m.States[m.StartAt]
	payload := map[string]string{}
	for name, path := range state.Parameters.Payload {
		payload[strings.TrimSuffix(name, ".$")] = input[strings.TrimPrefix(path, "$.")]
	}
	for tries := make([]int, len(state.Retry)); ; {
		_, reply := b.invoke(t, "service", payload)
		invocations++
		named := func(r rule) bool { return r.matches(reply.ErrorType) }
		end = state.Next
		if reply.Failed() {
			if retry := slices.IndexFunc(state.Retry, named); retry >= 0 && tries[retry] < state.Retry[retry].MaxAttempts {
				tries[retry]++
				continue
			}
			caught := slices.IndexFunc(state.Catch, named)
			if caught < 0 {
				t.Fatalf("%s is not caught", reply.ErrorType)
			}
			end = state.Catch[caught].Next
		}
		if next, ok := m.States[end]; !ok || next.Type == "Task" {
			t.Fatalf("the state %q is missing, or a second task", end)
		}
		return end, invocations
	}
}

func TestStepFunctions(t *testing.T) {
	m := read[machine](t, "docs/examples/step-functions.asl.json")
	for _, row := range []struct {
		name, role string
		steps      []atlastest.Step
		always     atlastest.Step
		end        string
		invoked    int
	}{
		{"link", "Finance", nil, atlastest.OK(), "HandOver", 1},
		{"unknown role", "Boss", nil, atlastest.OK(), "Refused", 1},
		{"Atlas refuses the credentials", "Finance", nil, atlastest.Unauthorized(), "CallSupport", 1},
		{"Atlas fails twice", "Finance", []atlastest.Step{atlastest.SystemError(), atlastest.SystemError()}, atlastest.OK(), "HandOver", 2},
		{"Atlas keeps failing", "Finance", nil, atlastest.SystemError(), "TryLater", 3},
		{"Atlas limits the rate", "Finance", nil, atlastest.RateLimited(60, 200), "TryLater", 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBroker(t)
			b.Atlas.Script(row.steps...)
			b.Atlas.Always(row.always)
			end, invoked := m.run(t, b, map[string]string{"orderNo": order, "userName": "amelia@example.com", "role": row.role})
			if end != row.end || invoked != row.invoked {
				t.Errorf("ends in %s after %d invocations, want %s after %d", end, invoked, row.end, row.invoked)
			}
		})
	}
	// The broker, Lambda or Step Functions has each of the errors.
	known := []string{"States.ALL", "Sandbox.Timedout", "Lambda.ServiceException", "Lambda.AWSLambdaException",
		"Lambda.SdkClientException", "Lambda.TooManyRequestsException"}
	for code := range handler.Codes() {
		known = append(known, string(code))
	}
	for _, r := range slices.Concat(m.States[m.StartAt].Retry, m.States[m.StartAt].Catch) {
		for _, name := range r.ErrorEquals {
			if !slices.Contains(known, name) {
				t.Errorf("there is no error %s", name)
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
	// node calls a function of the resolver.
	node := func(function string, ctx any) map[string]any {
		t.Helper()
		input, err := json.Marshal(ctx)
		if err != nil {
			t.Fatal(err)
		}
		text, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval", script, function, string(input)).CombinedOutput()
		var out map[string]any
		if err != nil || json.Unmarshal(text, &out) != nil {
			t.Fatalf("node: %v\n%s", err, text)
		}
		return out
	}
	ctx := read[map[string]any](t, "events/appsync-oidc.json")
	for _, row := range []struct{ role, thrown string }{{"Finance", ""}, {"Admin", "NotPermitted"}, {"Boss", "InvalidRequest"}} {
		ctx["args"] = map[string]string{"orderNo": order, "role": row.role}
		request := node("request", ctx)
		if request["operation"] != "Invoke" {
			t.Fatalf("the request is %v", request)
		}
		answer, reply := b.invoke(t, "api", request["payload"])
		result := map[string]any{"result": answer}
		if reply.Failed() {
			result = map[string]any{"error": map[string]string{"message": reply.ErrorMessage, "type": reply.ErrorType}}
		}
		response := node("response", result)
		thrown, _ := response["thrown"].(map[string]any)
		if row.thrown == "" && !b.isLink(response["url"]) || row.thrown != "" && thrown["type"] != row.thrown {
			t.Errorf("role %s: %v, want a link or the error %q", row.role, response, row.thrown)
		}
	}
}

// flow is the part of Amazon Connect's flow language that the example uses.
type flow struct {
	StartAction string
	Actions     []action
}

type action struct {
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

func TestConnectFlow(t *testing.T) {
	f := read[flow](t, "docs/examples/connect-flow.json")
	actions := map[string]action{}
	for _, a := range f.Actions {
		actions[a.Identifier] = a
	}
	for _, a := range f.Actions { // every transition leads to an action
		next := []string{a.Transitions.NextAction}
		for _, c := range slices.Concat(a.Transitions.Conditions, a.Transitions.Errors) {
			next = append(next, c.NextAction)
		}
		for _, id := range next {
			if _, ok := actions[id]; !ok && a.Type != "EndFlowExecution" {
				t.Fatalf("the flow has no action %q", id)
			}
		}
	}
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
			ask := actions[f.StartAction]
			attributes := map[string]string{"$.Attributes.orderNo": row.order, "$.Attributes.agentEmail": "amelia@example.com"}
			parameters := map[string]string{}
			for name, value := range ask.Parameters.LambdaInvocationAttributes {
				if found, ok := attributes[value]; ok {
					value = found
				}
				parameters[name] = value
			}
			event := lambdatest.Event("connect", lambdatest.Set(parameters, "Details", "Parameters"))
			external, reply := b.invoke(t, "service", json.RawMessage(event))
			if reply.Failed() {
				t.Fatalf("%s", reply.Payload)
			}
			which := actions[ask.Transitions.NextAction]
			next := which.Transitions.Errors[0].NextAction
			for _, c := range which.Transitions.Conditions {
				if slices.Contains(c.Condition.Operands, external["code"].(string)) {
					next = c.NextAction
				}
			}
			if next != row.end {
				t.Errorf("the code %v leads to %s, want %s", external["code"], next, row.end)
			}
			link := actions["show"].Parameters.ViewData["link"]
			if row.end == "show" && (link != "$.External.url" || !b.isLink(external["url"])) {
				t.Errorf("the view shows %s of %v", link, external)
			}
		})
	}
}
