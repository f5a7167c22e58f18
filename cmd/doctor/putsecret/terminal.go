package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// errInterrupted is why a run ends on Ctrl-C or Ctrl-D. Nothing is stored then.
var errInterrupted = errors.New("interrupted; nothing was stored")

// The keys that end a line or change it.
const (
	ctrlC, ctrlD, ctrlU  = 0x03, 0x04, 0x15
	backspace, deleteKey = 0x08, 0x7f
)

// terminal reads lines that the screen does not show. It reads bytes itself: a terminal's own line mode cuts lines at
// 4 KiB, as does golang.org/x/term.
type terminal struct {
	screen io.Writer
	keys   chan byte
	last   byte
}

// openTerminal switches the echo off until restore is called, or returns nil if stdin is not a terminal. Ctrl-C calls
// interrupt, whatever the program does at that moment.
func openTerminal(stdin io.Reader, screen io.Writer, interrupt context.CancelCauseFunc) (t *terminal, restore func(), err error) {
	file, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}, nil
	}
	before, err := term.MakeRaw(int(file.Fd()))
	if err != nil {
		return nil, nil, errors.New("the terminal's echo cannot be switched off")
	}
	t = &terminal{screen: screen, keys: make(chan byte, 4*maxInput)}
	go func() {
		defer close(t.keys)
		buffer := make([]byte, 4096)
		for {
			n, err := file.Read(buffer)
			for _, key := range buffer[:n] {
				if key == ctrlC {
					interrupt(errInterrupted)
				}
				t.keys <- key
			}
			if err != nil {
				return
			}
		}
	}()
	return t, func() { _ = term.Restore(int(file.Fd()), before) }, nil
}

// Write writes to the screen. A terminal without echo does not begin a line at the left by itself.
func (t *terminal) Write(text []byte) (int, error) {
	_, err := io.WriteString(t.screen, strings.ReplaceAll(string(text), "\n", "\r\n"))
	return len(text), err
}

// ask shows the prompt and reads a line.
func (t *terminal) ask(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(t, prompt)
	defer fmt.Fprintln(t)
	var line []byte
	for {
		var key byte
		var open bool
		select {
		case <-ctx.Done():
			return "", errInterrupted
		case key, open = <-t.keys:
		}
		afterReturn := t.last == '\r'
		t.last = key
		switch {
		case !open, key == ctrlC, key == ctrlD && len(line) == 0:
			return "", errInterrupted
		case key == '\n' && afterReturn: // the second half of a line end
		case key == '\r', key == '\n':
			return string(line), nil
		case key == ctrlU:
			line = line[:0]
		case key == backspace, key == deleteKey:
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case len(line) == maxInput:
			return "", fmt.Errorf("%w: the line has more than %d bytes", errInvalid, maxInput)
		default:
			line = append(line, key)
		}
	}
}
