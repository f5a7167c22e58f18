package examples_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
)

// machine is the part of the Amazon States Language that the sample uses.
type machine struct {
	StartAt string
	States  map[string]struct {
		Type, Next string
		Parameters struct {
			Payload map[string]string
		}
		Retry []struct {
			ErrorEquals []string
			MaxAttempts int
		}
		Catch []struct {
			ErrorEquals []string
			Next        string
		}
	}
}

// walk runs a machine as Step Functions would, without its pauses, and returns
// the state in which it ends and how often the function was asked.
func (m machine) walk(t *testing.T, b *broker, input map[string]string) (end string, asked int) {
	t.Helper()
	state := m.StartAt
	for {
		s, ok := m.States[state]
		if !ok {
			t.Fatalf("there is no state %q", state)
		}
		if s.Type != "Task" {
			return state, asked
		}
		payload := map[string]string{}
		for name, path := range s.Parameters.Payload {
			payload[strings.TrimSuffix(name, ".$")] = input[strings.TrimPrefix(path, "$.")]
		}
		tries := make([]int, len(s.Retry))
	again:
		_, failed := b.invoke(t, "service", payload)
		asked++
		if failed == nil {
			state = s.Next
			continue
		}
		for i, r := range s.Retry {
			if slices.Contains(r.ErrorEquals, failed.Type) && tries[i] < r.MaxAttempts {
				tries[i]++
				goto again
			}
		}
		for _, c := range s.Catch {
			if slices.Contains(c.ErrorEquals, failed.Type) || slices.Contains(c.ErrorEquals, "States.ALL") {
				state = c.Next
				break
			}
		}
		if s.Type == m.States[state].Type {
			t.Fatalf("nothing catches %s", failed.Type)
		}
	}
}

func TestStepFunctions(t *testing.T) {
	m := read[machine](t, root+"/docs/examples/step-functions.asl.json")
	for _, row := range []struct {
		name, role string
		steps      []atlastest.Step
		always     atlastest.Step
		end        string
		asked      int
	}{
		{"a link", "Finance", nil, atlastest.OK(), "HandOver", 1},
		{"a role that is none", "Boss", nil, atlastest.OK(), "Refused", 1},
		{"Atlas refuses the credentials", "Finance", nil, atlastest.Unauthorized(), "CallSupport", 1},
		{"Atlas fails for a while", "Finance", []atlastest.Step{atlastest.SystemError(), atlastest.SystemError()}, atlastest.OK(), "HandOver", 2},
		{"Atlas fails for good", "Finance", nil, atlastest.SystemError(), "TryLater", 3},
		{"Atlas limits the rate", "Finance", nil, atlastest.RateLimited(60, 200), "TryLater", 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBroker(t)
			b.atlas.Script(row.steps...)
			b.atlas.Always(row.always)
			end, asked := m.walk(t, b, map[string]string{"orderNo": order, "userName": "amelia@example.com", "role": row.role})
			if end != row.end || asked != row.asked {
				t.Errorf("ends in %s after %d invocations, want %s after %d", end, asked, row.end, row.asked)
			}
		})
	}
	// Every name is one that the broker, Lambda or Step Functions gives.
	known := []string{"States.ALL", "Sandbox.Timedout", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"}
	for code := range handler.Codes() {
		known = append(known, string(code))
	}
	task := m.States["AskForLink"]
	var names []string
	for _, r := range task.Retry {
		names = append(names, r.ErrorEquals...)
	}
	for _, c := range task.Catch {
		names = append(names, c.ErrorEquals...)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			t.Errorf("nobody gives the error %s", name)
		}
	}
}

func TestAppSync(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	resolver, err := os.ReadFile(root + "/docs/examples/appsync/getAtripToken.js")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"getAtripToken.mjs":                            string(resolver),
		"node_modules/@aws-appsync/utils/package.json": `{"name":"@aws-appsync/utils","type":"module","main":"index.js"}`,
		"node_modules/@aws-appsync/utils/index.js":     `export const util = { error: (message, type) => { throw { message, type }; } };`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// node runs one of the resolver's functions and prints what it returns or throws.
	node := func(function string, ctx any) map[string]any {
		t.Helper()
		input, err := json.Marshal(ctx)
		if err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval",
			`import * as resolver from './getAtripToken.mjs'; let out;
			try { out = resolver.`+function+`(JSON.parse(process.argv[1])); } catch (e) { out = { thrown: e }; } console.log(JSON.stringify(out));`, string(input))
		command.Dir = dir
		var stderr bytes.Buffer
		command.Stderr = &stderr
		text, err := command.Output()
		var out map[string]any
		if err != nil || json.Unmarshal(text, &out) != nil {
			t.Fatalf("node: %v %s %s", err, text, &stderr)
		}
		return out
	}
	ctx := read[map[string]any](t, root+"/events/appsync-oidc.json")
	for _, row := range []struct{ role, thrown string }{{"Finance", ""}, {"Admin", "NotPermitted"}, {"Boss", "InvalidRequest"}} {
		ctx["args"] = map[string]string{"orderNo": order, "role": row.role}
		request := node("request", ctx)
		if request["operation"] != "Invoke" {
			t.Fatalf("the request is %v", request)
		}
		result, failed := b.invoke(t, "api", request["payload"])
		if failed != nil {
			response := node("response", map[string]any{"error": map[string]string{"message": failed.Message, "type": failed.Type}})
			if thrown, _ := response["thrown"].(map[string]any); thrown["type"] != row.thrown {
				t.Errorf("role %s: the error is %v, want %s", row.role, response, row.thrown)
			}
			continue
		}
		if response := node("response", map[string]any{"result": result}); row.thrown != "" || !b.isLink(response["url"]) {
			t.Errorf("role %s: %v, want a link", row.role, response)
		}
	}
}

// flow is the part of Amazon Connect's flow language that the sample uses.
type flow struct {
	StartAction string
	Actions     []struct {
		Identifier, Type string
		Parameters       struct {
			LambdaInvocationAttributes map[string]string
			InvocationTimeLimitSeconds string
			ViewData                   map[string]string
		}
		Transitions struct {
			NextAction string
			Conditions []struct {
				NextAction string
				Condition  struct{ Operands []string }
			}
			Errors []struct{ NextAction string }
		}
	}
}

func TestConnectFlow(t *testing.T) {
	f := read[flow](t, root+"/docs/examples/connect-flow.json")
	at := func(id string) int {
		for i, a := range f.Actions {
			if a.Identifier == id {
				return i
			}
		}
		t.Fatalf("the flow has no action %q", id)
		return 0
	}
	for _, a := range f.Actions { // every way leads to an action
		ways := []string{a.Transitions.NextAction}
		for _, c := range a.Transitions.Conditions {
			ways = append(ways, c.NextAction)
		}
		for _, e := range a.Transitions.Errors {
			ways = append(ways, e.NextAction)
		}
		for _, way := range ways {
			if a.Type != "EndFlowExecution" {
				at(way)
			}
		}
	}
	for _, row := range []struct {
		name  string
		order string
		step  atlastest.Step
		end   string
	}{
		{"a link", order, atlastest.OK(), "show"},
		{"no order", "", atlastest.OK(), "refused"},
		{"Atlas refuses the credentials", order, atlastest.Unauthorized(), "support"},
		{"Atlas fails", order, atlastest.SystemError(), "later"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBroker(t)
			b.atlas.Always(row.step)
			ask := f.Actions[at(f.StartAction)]
			attributes := map[string]string{"$.Attributes.orderNo": row.order, "$.Attributes.agentEmail": "amelia@example.com"}
			parameters := map[string]string{}
			for name, value := range ask.Parameters.LambdaInvocationAttributes {
				if found, ok := attributes[value]; ok {
					value = found
				}
				parameters[name] = value
			}
			event := read[map[string]any](t, root+"/events/connect.json")
			event["Details"].(map[string]any)["Parameters"] = parameters
			external, failed := b.invoke(t, "service", event)
			if failed != nil {
				t.Fatal(failed)
			}
			which := f.Actions[at(ask.Transitions.NextAction)]
			next := which.Transitions.Errors[0].NextAction
			for _, c := range which.Transitions.Conditions {
				if slices.Contains(c.Condition.Operands, external["code"].(string)) {
					next = c.NextAction
				}
			}
			if next != row.end {
				t.Errorf("the code %v leads to %s, want %s", external["code"], next, row.end)
			}
			if link := f.Actions[at("show")].Parameters.ViewData["link"]; row.end == "show" && (link != "$.External.url" || !b.isLink(external["url"])) {
				t.Errorf("the view shows %s of %v", link, external)
			}
		})
	}
}
