package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"atriptoken/e2e/rig"
)

// firefox is a running Firefox, driven by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/).
type firefox struct {
	connection *websocket.Conn
	commands   int
}

func newFirefox(t *testing.T) *firefox {
	t.Helper()
	program := "firefox-esr" // Debian's; elsewhere it is firefox
	if _, err := exec.LookPath(program); err != nil {
		program = "firefox"
	}
	command := exec.Command(program, "--headless", "--profile", t.TempDir(), "--remote-debugging-port=0", "about:blank")
	process := rig.Start(t, command, `WebDriver BiDi listening on (ws://\S+)`)
	connection, _, err := websocket.Dial(t.Context(), process.Ready[1]+"/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &firefox{connection: connection}
	t.Cleanup(func() { _ = connection.CloseNow() })
	f.call(t, "session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	return f
}

// call runs one command and decodes its result, unless result is nil. No event
// comes in between: none was subscribed to.
func (f *firefox) call(t *testing.T, method string, params, result any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), step)
	defer cancel()
	f.commands++
	if err := wsjson.Write(ctx, f.connection, map[string]any{"id": f.commands, "method": method, "params": params}); err != nil {
		t.Fatal(err)
	}
	reply := struct {
		Error, Message string
		Result         any
	}{Result: result}
	if err := wsjson.Read(ctx, f.connection, &reply); err != nil || reply.Error != "" {
		t.Fatalf("Firefox: %s: %v %s %s", method, err, reply.Error, reply.Message)
	}
}

// eval returns an expression's value in a tab as text; a promise is awaited.
func (f *firefox) eval(t *testing.T, tab, expression string) string {
	t.Helper()
	var reply struct{ Result struct{ Value any } }
	f.call(t, "script.evaluate", map[string]any{
		"expression": expression, "target": map[string]any{"context": tab}, "awaitPromise": true,
	}, &reply)
	return fmt.Sprint(reply.Result.Value)
}

// click presses the button as a mouse does, and waits for a state of the element.
func (f *firefox) click(t *testing.T, tab, state string) {
	t.Helper()
	f.call(t, "browsingContext.activate", map[string]any{"context": tab}, nil)
	var at [2]int
	middle := `(() => { const r = ` + button(0) + `.getBoundingClientRect();
		return JSON.stringify([r.x + r.width / 2, r.y + r.height / 2].map(Math.round)); })()`
	if err := json.Unmarshal([]byte(f.eval(t, tab, middle)), &at); err != nil {
		t.Fatal(err)
	}
	f.call(t, "input.performActions", map[string]any{"context": tab, "actions": []any{map[string]any{
		"type": "pointer", "id": "mouse", "actions": []any{
			map[string]any{"type": "pointerMove", "x": at[0], "y": at[1]},
			map[string]any{"type": "pointerDown", "button": 0},
			map[string]any{"type": "pointerUp", "button": 0},
		},
	}}}, nil)
	f.eval(t, tab, `new Promise((done) => { const look = () => setTimeout(() =>
		`+link(0)+`.state === '`+state+`' ? done(true) : look(), 20); look(); })`)
}

func TestFirefox(t *testing.T) {
	t.Parallel()
	f, broker := newFirefox(t), newEndpoint(t)
	site := page(t, broker.attributes())
	for name, url := range map[string]string{"strict content security policy": site, "plain page": site + "/?plain"} {
		t.Run(name, func(t *testing.T) {
			var opened struct{ Context string }
			f.call(t, "browsingContext.create", map[string]any{"type": "tab"}, &opened)
			f.call(t, "browsingContext.navigate", map[string]any{"context": opened.Context, "url": url, "wait": "complete"}, nil)
			broker.says(http.StatusBadGateway, problem("AtlasFailed", 502))
			f.click(t, opened.Context, "failed")
			told := f.eval(t, opened.Context, part(0, "[part=message]")+`.innerText`)
			if !strings.Contains(told, "may not know the order") || !strings.Contains(told, "id-1") {
				t.Errorf("the operator is told %q", told)
			}
			if display := f.eval(t, opened.Context, `getComputedStyle(`+button(0)+`).display`); display != "inline-flex" {
				t.Errorf("the button's style was not applied: display is %s", display)
			}
			broker.says(http.StatusOK, broker.success())
			f.click(t, opened.Context, "done")
			broker.arrival(t)
		})
	}
}
