package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"atriptoken/secret"
)

// maxInput bounds what is read, in bytes: Secrets Manager stores no more (API reference, PutSecretValue, SecretString).
const maxInput = 65536

// maxLine bounds a line from a terminal, in bytes. The system cuts longer ones: macOS after 1024 bytes, Linux after 4095.
const maxLine = 1000

var (
	errInvalid     = errors.New("these are not credentials")
	errInterrupted = errors.New("interrupted; nothing was stored")
)

// readCredentials asks for both values at the terminal or, if there is none, reads standard input.
func (r *run) readCredentials(ctx context.Context) (credentials secret.Credentials, err error) {
	var text string
	if r.terminal == nil {
		text, err = piped(r.stdin)
	} else {
		text, err = r.askBoth(ctx)
	}
	if err != nil {
		return credentials, err
	}
	if credentials, err = secret.Parse(text, ""); err != nil {
		err = fmt.Errorf("%w: %w", errInvalid, err)
	}
	return credentials, err
}

// askBoth asks for both values, and again after an empty line, as the end of a pasted line may bring one.
func (r *run) askBoth(ctx context.Context) (string, error) {
	var values [2]string
	for i, prompt := range []string{"Atlas client id (not shown): ", "Atlas client secret (not shown): "} {
		for values[i] == "" {
			line, err := r.ask(ctx, prompt)
			if err != nil {
				return "", err
			}
			values[i] = strings.TrimSpace(line)
		}
	}
	return value(values[0], values[1])
}

// openTerminal switches the echo off until restore is called, so that what is typed ahead is not shown either. Restore drops
// what was not read, or the shell would get it. It does nothing if stdin is not a terminal.
func (r *run) openTerminal() (restore func(), err error) {
	file, ok := r.stdin.(*os.File)
	if !ok {
		return func() {}, nil
	}
	before, err := unix.IoctlGetTermios(int(file.Fd()), getTermios)
	if err != nil { // not a terminal
		return func() {}, nil
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(file.Fd()), setTermios, &quiet); err != nil {
		return nil, fmt.Errorf("the terminal's echo cannot be switched off: %w", err)
	}
	r.terminal = bufio.NewReader(file)
	return func() { _ = unix.IoctlSetTermios(int(file.Fd()), setTermiosAndFlush, before) }, nil
}

// ask shows the prompt and reads a line.
func (r *run) ask(ctx context.Context, prompt string) (line string, err error) {
	fmt.Fprint(r.output, prompt)
	defer fmt.Fprintln(r.output)
	type input struct {
		line string
		err  error
	}
	read := make(chan input, 1)
	go func() {
		line, err := r.terminal.ReadString('\n')
		read <- input{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", errInterrupted
	case got := <-read:
		line, err = got.line, got.err
	}
	switch {
	case err != nil: // Ctrl-D
		return "", errInterrupted
	case len(line) > maxLine:
		return "", fmt.Errorf("%w: the line has more than %d bytes, which a terminal may cut: give it on standard input", errInvalid, maxLine)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// piped returns the secret's JSON from standard input, which has that or the two values on two lines.
func piped(stdin io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("standard input cannot be read: %w", err)
	case len(text) > maxInput:
		return "", fmt.Errorf("%w: standard input has more than %d bytes", errInvalid, maxInput)
	case !utf8.Valid(text):
		return "", fmt.Errorf("%w: standard input is not UTF-8 text", errInvalid)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	switch {
	case strings.HasPrefix(lines[0], "{"):
		return strings.TrimSpace(string(text)), nil
	case len(lines) == 2:
		return value(lines[0], lines[1])
	}
	return "", fmt.Errorf(`%w: standard input has neither {"clientId":"…","clientSecret":"…"} nor two lines, the client id and the secret`,
		errInvalid)
}

// value returns the secret's JSON for the pair.
func value(id, key string) (string, error) {
	text, err := json.Marshal(map[string]string{"clientId": strings.TrimSpace(id), "clientSecret": strings.TrimSpace(key)})
	if err != nil {
		return "", fmt.Errorf("%w: what was typed is not UTF-8 text", errInvalid)
	}
	return string(text), nil
}
