package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"atriptoken/atlas/atlastest"
)

// TestMain is the command itself when typed starts it.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_PUTSECRET") != "" {
		main()
	}
	os.Exit(m.Run())
}

// What typed may get in place of a line: the end as by a shutdown; or the next line comes before any prompt.
const (
	sigterm = "SIGTERM"
	ahead   = "typed while the command waits for AWS"
)

// typed runs the command for the stack on a terminal of its own, answers each prompt with the next line, and returns what
// it said and the screen showed. Afterwards the terminal must be as before, without a line left for the shell.
func typed(t *testing.T, stack string, lines ...string) (code int, shown string) {
	t.Helper()
	front, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), getTermios)
	if err != nil {
		t.Fatal(err)
	}
	if lines[0] == ahead {
		call := func() {
			_, _ = front.WriteString(lines[1])
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(terminal.Fd()), Events: unix.POLLIN}}, -1) // until it has come through
		}
		describing.Store(&call)
		defer describing.Store(nil)
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-stack", stack)
	command.Env = append(os.Environ(), "TEST_PUTSECRET=1")
	command.Stdin = terminal
	stderr, err := command.StderrPipe() // Linux sometimes loses what is written to a terminal after Ctrl-C
	if err != nil {
		t.Fatal(err)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	echoed := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(front) // until the terminal is closed
		echoed <- all
	}()
	var said strings.Builder
	for reader := bufio.NewReader(stderr); ; {
		r, _, err := reader.ReadRune()
		if err != nil { // the command has ended
			break
		}
		if said.WriteRune(r); len(lines) > 0 && lines[0] != ahead && strings.HasSuffix(said.String(), "(not shown): ") {
			if lines[0] == sigterm {
				_ = command.Process.Signal(syscall.SIGTERM)
			} else {
				_, _ = front.WriteString(lines[0])
			}
			lines = lines[1:]
		}
	}
	_ = command.Wait() // the exit code is the result
	if after, err := unix.IoctlGetTermios(int(terminal.Fd()), getTermios); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("the terminal is not as before: %v", err)
	}
	_, _ = front.WriteString("end\r")
	if left, err := bufio.NewReader(terminal).ReadString('\n'); err != nil || left != "end\n" {
		t.Errorf("the shell would read %q, %v", left, err)
	}
	_ = terminal.Close()
	return command.ProcessState.ExitCode(), said.String() + string(<-echoed)
}

func TestTerminal_ShowsNothing(t *testing.T) {
	atlas := atlastest.NewServer(nil)
	defer atlas.Close()
	for rule, lines := range map[string][]string{
		"typed":              {"example-client\r", "example-secret\r"},
		"with a mistake":     {"example-clienz\x7ft\r", "wrong\x15example-secrex\x7ft\r"},
		"typed ahead":        {ahead, "example-client\rexample-secret\r"},
		"pasted as one":      {"example-client\r\nexample-secret\r\n"},
		"with spaces around": {" example-client\n", "example-secret \n"},
	} {
		secrets := account(t, atlas.URL)
		code, shown := typed(t, "broker", lines...)
		if code != 0 || puts(secrets) != 1 || !strings.Contains(shown, "stored as version") {
			t.Errorf("%s: exit code %d, %d values put, on the screen: %q", rule, code, puts(secrets), shown)
		}
		if strings.Contains(shown, "example-client") || strings.Contains(shown, "example-secret") {
			t.Errorf("%s: the screen showed what was typed: %q", rule, shown)
		}
	}
}

func TestTerminal_LongLineNotCut(t *testing.T) {
	long := strings.Repeat("x", maxLine-1)
	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: long})
	defer atlas.Close()
	secrets := account(t, atlas.URL)
	if code, shown := typed(t, "broker", "example-client\r", long+"\r"); code != 0 || puts(secrets) != 1 {
		t.Errorf("exit code %d, %d values put, on the screen: %q", code, puts(secrets), shown)
	}
	for line, says := range map[string]string{
		long + "x": "give it on standard input", strings.Repeat(long, 6): "give it on standard input", "\xff": "not UTF-8",
	} {
		if code, shown := typed(t, "broker", "example-client\r", line+"\r"); code != 3 || puts(secrets) != 1 || !strings.Contains(shown, says) {
			t.Errorf("%d bytes: exit code %d, %d values put, on the screen: %q", len(line), code, puts(secrets), shown)
		}
	}
}

func TestTerminal_Interrupted(t *testing.T) {
	secrets := account(t, "https://atlas.invalid")
	for rule, lines := range map[string][]string{
		"Ctrl-C":             {"example-client\r", "\x03"},
		"Ctrl-\\":            {"example-client\r", "\x1c"},
		"Ctrl-D":             {"\x04"},
		"Ctrl-C typed ahead": {"example-client\rexample-secret\r\x03"},
		"SIGTERM":            {sigterm},
	} {
		code, shown := typed(t, "broker", lines...)
		if code != 130 || puts(secrets) != 0 || !strings.Contains(shown, "interrupted; nothing was stored") {
			t.Errorf("%s: exit code %d, %d values put, on the screen: %q", rule, code, puts(secrets), shown)
		}
	}
}

func TestTerminal_TypedAheadOfError(t *testing.T) {
	account(t, "https://atlas.invalid")
	code, shown := typed(t, "half", ahead, "example-client\rexample-secret\r")
	if code != 2 || !strings.Contains(shown, "has no output SecretArn") || strings.Contains(shown, "example-") {
		t.Errorf("exit code %d, on the screen: %q", code, shown)
	}
}
