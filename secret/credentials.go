// Package secret keeps the Atlas credentials: it fetches them from AWS Secrets
// Manager, holds the last good ones, refreshes them by age and on refusal, and
// never shows them.
package secret

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"atriptoken/internal/redact"
)

// The staging labels that Secrets Manager moves from version to version when a
// new value is put (Secrets Manager user guide, "Secret versions").
const (
	StageCurrent  = "AWSCURRENT"
	StagePrevious = "AWSPREVIOUS"
)

// Credentials are one version of the Atlas credentials.
type Credentials struct {
	// ClientID is Atlas's name for the account. It is not secret.
	ClientID string
	// ClientSecret proves it.
	ClientSecret redact.String
	// Version is the secret's version id in Secrets Manager.
	Version string
	// Stage is the label under which the version was fetched.
	Stage string
	// FetchedAt is when, by the wall clock.
	FetchedAt time.Time
}

// held reports whether c was fetched at all.
func (c Credentials) held() bool { return !c.FetchedAt.IsZero() }

// maxValue bounds each of the two values, in bytes. They travel in HTTP headers.
const maxValue = 4096

// Parse reads a secret's value: the JSON object {"clientId","clientSecret"}, or
// a plain string that is the client secret, which needs clientID. White space
// around the values is dropped: a header cannot carry it, and a file that was
// pasted ends in a newline. The error says what to mend and never quotes the
// value.
func Parse(value, clientID string) (Credentials, error) {
	value, clientID = strings.TrimSpace(value), strings.TrimSpace(clientID)
	if value == "" {
		return Credentials{}, failure(Empty, nil)
	}
	secret := value
	if strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "{{resolve:") {
		var object struct {
			ClientID     *string `json:"clientId"`
			ClientSecret *string `json:"clientSecret"`
		}
		// The decoder's error is dropped: it may quote the value.
		if json.Unmarshal([]byte(value), &object) != nil {
			return Credentials{}, failure(Malformed, fmt.Errorf(`it starts like a JSON object and is not {"clientId":"…","clientSecret":"…"} with each key once and both values strings`))
		}
		if object.ClientID == nil || object.ClientSecret == nil {
			return Credentials{}, failure(Malformed, fmt.Errorf(`the JSON object must have the keys clientId and clientSecret, spelled like that`))
		}
		clientID, secret = strings.TrimSpace(*object.ClientID), strings.TrimSpace(*object.ClientSecret)
	} else if clientID == "" {
		return Credentials{}, failure(Malformed, fmt.Errorf(`it is a plain string, which needs ATLAS_CLIENT_ID; set that, or store {"clientId":"…","clientSecret":"…"}`))
	}
	for _, part := range []struct{ name, value string }{{"client id", clientID}, {"client secret", secret}} {
		if err := headerSafe(part.value); err != nil {
			return Credentials{}, failure(Malformed, fmt.Errorf("the %s %w", part.name, err))
		}
	}
	return Credentials{ClientID: clientID, ClientSecret: redact.New(secret)}, nil
}

func headerSafe(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty")
	case len(s) > maxValue:
		return fmt.Errorf("is longer than %d bytes", maxValue)
	case strings.Contains(s, "{{resolve:"):
		return fmt.Errorf("is an unresolved {{resolve:…}} reference")
	}
	for _, b := range []byte(s) {
		if b < ' ' || b >= 0x7f {
			return fmt.Errorf("holds a character that an HTTP header cannot carry")
		}
	}
	return nil
}
