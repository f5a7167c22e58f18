package samples_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
)

// assistant speaks MCP over a server's standard input and output: JSON-RPC 2.0,
// a message a line (Model Context Protocol, "Transports").
type assistant struct {
	t      *testing.T
	ask    func(line string)
	answer *bufio.Scanner
	id     int
}

func (a *assistant) call(method string, params any) map[string]any {
	a.t.Helper()
	a.id++
	text, err := json.Marshal(params)
	if err != nil {
		a.t.Fatal(err)
	}
	a.ask(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, a.id, method, text))
	for a.answer.Scan() {
		var message struct {
			ID     int
			Result map[string]any
			Error  any
		}
		if err := json.Unmarshal(a.answer.Bytes(), &message); err != nil {
			a.t.Fatalf("%s: %v", a.answer.Text(), err)
		}
		if message.ID == a.id {
			if message.Error != nil {
				a.t.Fatalf("%s: %v", method, message.Error)
			}
			return message.Result
		}
	}
	a.t.Fatalf("%s: the server ended", method)
	return nil
}

func TestMCP(t *testing.T) {
	b := newBroker(t)
	binary := filepath.Join(t.TempDir(), "mcp")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = root + "/samples/mcp"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	server := exec.Command(binary)
	server.Env = append(os.Environ(), "AWS_ENDPOINT_URL_LAMBDA="+b.lambdaAPI(t), "ATRIP_FUNCTION=atrip-token:service", "ATRIP_USER=amelia@example.com")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Minute, func() { _ = server.Process.Kill() })
	defer stop.Stop()
	defer func() { _ = in.Close(); _ = server.Wait() }()

	a := &assistant{t: t, answer: bufio.NewScanner(out), ask: func(line string) { fmt.Fprintln(in, line) }}
	a.call("initialize", map[string]any{
		"protocolVersion": "2025-06-18", "capabilities": map[string]any{}, "clientInfo": map[string]string{"name": "test", "version": "1"},
	})
	a.ask(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	tools, _ := json.Marshal(a.call("tools/list", map[string]any{}))
	if !strings.Contains(string(tools), `"open_atrip"`) || strings.Contains(string(tools), "userName") {
		t.Errorf("the tools are %s, want open_atrip, which does not let the model choose the operator", tools)
	}
	use := func(role string) (map[string]any, string, bool) {
		result := a.call("tools/call", map[string]any{"name": "open_atrip", "arguments": map[string]string{"orderNo": order, "role": role}})
		text, _ := json.Marshal(result["content"])
		structured, _ := result["structuredContent"].(map[string]any)
		failed, _ := result["isError"].(bool)
		return structured, string(text), failed
	}
	if structured, text, failed := use("Finance"); failed || !b.isLink(structured["url"]) {
		t.Errorf("the tool answers %s, want a link", text)
	}
	if asked := b.atlas.Requests(); !strings.Contains(string(asked[len(asked)-1].Body), "amelia@example.com") {
		t.Error("Atlas was asked for another operator")
	}
	b.atlas.Always(atlastest.Unauthorized())
	if _, text, failed := use("Finance"); !failed || !strings.Contains(text, "AtlasRefused") {
		t.Errorf("the tool answers %s, want the failure's name", text)
	}
}
