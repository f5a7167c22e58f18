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
	loaded     []loaded
}

// loaded is a tab whose document has loaded.
type loaded struct{ Context, URL string }

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
	f.call(t, "session.subscribe", map[string]any{"events": []string{"browsingContext.load"}}, nil)
	return f
}

// call runs one command and decodes its result.
func (f *firefox) call(t *testing.T, method string, params, result any) {
	t.Helper()
	f.commands++
	if err := wsjson.Write(t.Context(), f.connection, map[string]any{"id": f.commands, "method": method, "params": params}); err != nil {
		t.Fatal(err)
	}
	var reply json.RawMessage
	for reply == nil {
		reply = f.read(t)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(reply, result); err != nil {
		t.Fatalf("%s: %v in %s", method, err, reply)
	}
}

// read reads one message: the result of a command, or the event that a document has loaded.
func (f *firefox) read(t *testing.T) json.RawMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), step)
	defer cancel()
	var message struct {
		Type, Error, Message string
		Params               loaded
		Result               json.RawMessage
	}
	if err := wsjson.Read(ctx, f.connection, &message); err != nil || message.Type == "error" {
		t.Fatalf("Firefox: %v %s %s", err, message.Error, message.Message)
	}
	if message.Type == "event" {
		f.loaded = append(f.loaded, message.Params)
	}
	return message.Result
}

// portal returns the tab that has come to the portal.
func (f *firefox) portal(t *testing.T) string {
	t.Helper()
	for {
		for i, tab := range f.loaded {
			if strings.Contains(tab.URL, "/portal/orders/") {
				f.loaded = f.loaded[i+1:]
				return tab.Context
			}
		}
		f.read(t)
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
	site := page(t, `endpoint="`+broker.URL+`" order-no="X1" role="Finance"`).URL
	for name, url := range map[string]string{"strict content security policy": site, "plain page": site + "/?plain"} {
		t.Run(name, func(t *testing.T) {
			var opened struct{ Context string }
			f.call(t, "browsingContext.create", map[string]any{"type": "tab"}, &opened)
			f.call(t, "browsingContext.navigate", map[string]any{"context": opened.Context, "url": url, "wait": "complete"}, nil)
			broker.says(http.StatusBadGateway, problem("AtlasFailed", 502))
			f.click(t, opened.Context, "failed")
			told := f.eval(t, opened.Context, link(0)+`.shadowRoot.querySelector('[part=message]').innerText`)
			if !strings.Contains(told, "may not know the order") || !strings.Contains(told, "id-1") {
				t.Errorf("the operator is told %q", told)
			}
			if display := f.eval(t, opened.Context, `getComputedStyle(`+button(0)+`).display`); display != "inline-flex" {
				t.Errorf("the button's style was not applied: display is %s", display)
			}
			broker.says(http.StatusOK, `{"url":"`+site+`/portal/orders/X1","status":0,"msg":null}`)
			f.click(t, opened.Context, "done")
			got := f.eval(t, f.portal(t), `[location.pathname, opener, document.referrer, history.length].join()`)
			if want := "/portal/orders/X1,,,1"; got != want {
				t.Errorf("address, opener, referrer and entries in the history are %s, want %s", got, want)
			}
		})
	}
}
