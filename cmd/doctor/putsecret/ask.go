package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"atriptoken/secret"
)

// maxInput bounds what is read, in bytes: Secrets Manager stores no more (API reference, PutSecretValue, SecretString).
const maxInput = 65536

// errInvalid marks input that is not a pair of credentials.
var errInvalid = errors.New("these are not credentials")

// readCredentials reads the credentials from the terminal or, if there is none, from stdin.
func readCredentials(ctx context.Context, t *terminal, stdin io.Reader) (secret.Credentials, error) {
	var text string
	var err error
	if t != nil {
		text, err = askBoth(ctx, t)
	} else {
		text, err = piped(stdin)
	}
	if err != nil {
		return secret.Credentials{}, err
	}
	credentials, err := secret.Parse(text, "")
	if err != nil {
		return credentials, fmt.Errorf("%w: %w", errInvalid, err)
	}
	return credentials, nil
}

// askBoth asks for both values.
func askBoth(ctx context.Context, t *terminal) (string, error) {
	id, err := t.ask(ctx, "Atlas client id (not shown): ")
	if err != nil {
		return "", err
	}
	key, err := t.ask(ctx, "Atlas client secret (not shown): ")
	if err != nil {
		return "", err
	}
	return value(id, key)
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
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: what was typed is not UTF-8 text", errInvalid)
	case len(text) > maxInput:
		return "", fmt.Errorf("%w: together they have more than %d bytes", errInvalid, maxInput)
	}
	return string(text), nil
}
