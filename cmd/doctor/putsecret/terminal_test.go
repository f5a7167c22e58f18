package main

import (
	"bufio"
	"context"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/term"

	"atriptoken/atlas/atlastest"
)

// screen is a real terminal, as the person in front of it sees it.
type screen struct {
	*os.File
	terminal *os.File
}

func openScreen(t *testing.T) screen {
	t.Helper()
	front, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("this machine gives no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = front.Close() })
	return screen{front, terminal}
}

// run runs the command on the terminal, calls answer at each prompt, and returns what the screen showed. Afterwards the
// terminal must be as before.
func (s screen) run(t *testing.T, ctx context.Context, answer func() string) (code int, shown string) {
	t.Helper()
	before, err := term.GetState(int(s.terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		var all strings.Builder
		buffered := bufio.NewReader(s)
		for {
			r, _, err := buffered.ReadRune()
			if err != nil { // the terminal is closed
				text <- all.String()
				return
			}
			if all.WriteRune(r); strings.HasSuffix(all.String(), "(not shown): ") {
				_, _ = s.WriteString(answer())
			}
		}
	}()
	code = putSecret(ctx, []string{"-stack", "broker"}, s.terminal, s.terminal)
	if after, err := term.GetState(int(s.terminal.Fd())); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("the terminal is not as before: %v", err)
	}
	_ = s.terminal.Close()
	_, _ = s.WriteString("\n") // ends the command's last read, so that the terminal closes
	return code, <-text
}

// typed answers each prompt with the next line.
func typed(t *testing.T, lines ...string) (code int, shown string) {
	t.Helper()
	return openScreen(t).run(t, t.Context(), func() string {
		if len(lines) == 0 {
			return ""
		}
		line := lines[0]
		lines = lines[1:]
		return line
	})
}

func TestTerminal_ShowsNothing(t *testing.T) {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	for rule, lines := range map[string][2]string{
		"typed":              {"example-client\r", "example-secret\r"},
		"with a mistake":     {"example-clienz\x7ft\r", "wrong\x15example-sécret\x7f\x7f\x7f\x7f\x7fecret\r"},
		"pasted as one":      {"example-client\r\nexample-secret\r\n", ""},
		"with spaces around": {" example-client\n", "example-secret \n"},
	} {
		secrets := account(t, atlas.URL)
		code, shown := typed(t, lines[0], lines[1])
		if code != 0 || puts(secrets) != 1 || !strings.Contains(shown, "stored as version") {
			t.Errorf("%s: exit code %d, %d values put, on the screen: %q", rule, code, puts(secrets), shown)
		}
		if strings.Contains(shown, "example-client") || strings.Contains(shown, "example-secret") {
			t.Errorf("%s: the screen showed what was typed: %q", rule, shown)
		}
	}
}

func TestTerminal_LongLineNotCut(t *testing.T) {
	long := strings.Repeat("x", 4096) // the longest client secret; a terminal's own line mode cuts it
	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: long})
	defer atlas.Close()
	secrets := account(t, atlas.URL)
	if code, shown := typed(t, "example-client\r", long+"\r"); code != 0 || puts(secrets) != 1 {
		t.Errorf("exit code %d, %d values put, on the screen: %q", code, puts(secrets), shown)
	}
	for rule, line := range map[string]string{
		"longer than 4096 bytes": long + "x", "more than 65536 bytes": strings.Repeat(long, 17), "not UTF-8": "\xff",
	} {
		if code, shown := typed(t, "example-client\r", line+"\r"); code != 3 || puts(secrets) != 1 || !strings.Contains(shown, rule) {
			t.Errorf("%s: exit code %d, %d values put, on the screen: %q", rule, code, puts(secrets), shown)
		}
	}
}

func TestTerminal_Interrupted(t *testing.T) {
	secrets := account(t, "https://atlas.invalid")
	for rule, lines := range map[string][]string{
		"Ctrl-C":             {"example-client\r", "\x03"},
		"Ctrl-D":             {"\x04"},
		"Ctrl-C typed ahead": {"example-client\rexample-secret\r\x03"},
	} {
		code, shown := typed(t, lines...)
		if code != 130 || puts(secrets) != 0 || !strings.Contains(shown, "interrupted; nothing was stored") {
			t.Errorf("%s: exit code %d, %d values put, on the screen: %q", rule, code, puts(secrets), shown)
		}
	}
}

// TestTerminal_Terminated ends the context, as SIGTERM does, while the command waits for input.
func TestTerminal_Terminated(t *testing.T) {
	secrets := account(t, "https://atlas.invalid")
	ctx, terminate := context.WithCancel(t.Context())
	code, shown := openScreen(t).run(t, ctx, func() string { terminate(); return "" })
	if code != 130 || puts(secrets) != 0 || !strings.Contains(shown, "interrupted; nothing was stored") {
		t.Errorf("exit code %d, %d values put, on the screen: %q", code, puts(secrets), shown)
	}
}

// TestTerminal_TypedAhead types while the command still asks AWS about the stack.
func TestTerminal_TypedAhead(t *testing.T) {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	secrets := account(t, atlas.URL)
	s := openScreen(t)
	describing = func() { _, _ = s.WriteString("example-client\rexample-secret\r") }
	defer func() { describing = func() {} }()
	code, shown := s.run(t, t.Context(), func() string { return "" })
	if code != 0 || puts(secrets) != 1 || strings.Contains(shown, "example-") {
		t.Errorf("exit code %d, %d values put, on the screen: %q", code, puts(secrets), shown)
	}
}
