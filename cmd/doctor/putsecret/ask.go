package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/term"
)

// maxInput bounds what is read, in bytes: Secrets Manager stores no more (API reference, PutSecretValue, SecretString).
const maxInput = 65536

// ask returns the credentials as the secret's JSON value: asked for on a terminal, without echo, or read from standard
// input.
func ask(stdin io.Reader, stderr io.Writer) (string, error) {
	file, ok := stdin.(*os.File)
	if ok && term.IsTerminal(int(file.Fd())) {
		return hidden(file, stderr)
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
	switch {
	case err != nil:
		return "", errors.New("standard input cannot be read")
	case len(text) > maxInput:
		return "", fmt.Errorf("standard input holds more than %d bytes", maxInput)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	switch {
	case strings.HasPrefix(lines[0], "{"):
		return strings.TrimSpace(string(text)), nil
	case len(lines) == 2:
		return value(lines[0], lines[1])
	}
	return "", errors.New(`standard input holds neither {"clientId":"…","clientSecret":"…"} nor two lines, the client id and the secret`)
}

// value returns the secret's JSON for the pair.
func value(id, secret string) (string, error) {
	text, err := json.Marshal(map[string]string{"clientId": strings.TrimSpace(id), "clientSecret": strings.TrimSpace(secret)})
	if err != nil {
		return "", errors.New("what was typed is not UTF-8 text")
	}
	return string(text), nil
}

// hidden asks for both values on the terminal, which shows neither. Echo is off before the first prompt.
func hidden(terminal *os.File, stderr io.Writer) (string, error) {
	fd := int(terminal.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", errors.New("the terminal cannot be set up")
	}
	defer func() { _ = term.Restore(fd, before) }()
	lines := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{terminal, stderr}, "")
	var typed [2]string
	for i, prompt := range []string{"Atlas client id (not shown): ", "Atlas client secret (not shown): "} {
		if typed[i], err = lines.ReadPassword(prompt); err != nil { // Ctrl-C too
			return "", errors.New("interrupted; nothing was stored")
		}
	}
	return value(typed[0], typed[1])
}
