// Package secret provides the Atlas credentials: it fetches them from AWS
// Secrets Manager, keeps the last good version, and replaces it by age and when
// Atlas refuses it. It never prints them.
package secret

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"atriptoken/internal/redact"
)

// The staging labels that Secrets Manager moves when a new value is put (Secrets
// Manager user guide, "Secret versions").
const (
	StageCurrent  = "AWSCURRENT"
	StagePrevious = "AWSPREVIOUS"
)

// Credentials are one version of the Atlas credentials.
type Credentials struct {
	// ClientID identifies the account to Atlas. It is not secret.
	ClientID string
	// ClientSecret proves it.
	ClientSecret redact.String
	// Version is the version id in Secrets Manager.
	Version string
	// Stage is the label that the version was fetched by.
	Stage string
	// FetchedAt is when the Store fetched it, by the wall clock.
	FetchedAt time.Time

	taken time.Time // when Get returned it to a call
	// insteadOf is the AWSCURRENT that Atlas had refused when this AWSPREVIOUS was offered.
	insteadOf string
}

// maxValue is the largest length of each value in bytes. Both become HTTP headers.
const maxValue = 4096

// Parse reads a secret's value: the JSON object {"clientId","clientSecret"}, or
// the client secret as plain text, which needs clientID. White space around the
// values is removed: a header cannot contain it, and pasted files end with a
// newline. The error does not quote the value.
func Parse(value, clientID string) (Credentials, error) {
	value, clientID = strings.TrimSpace(value), strings.TrimSpace(clientID)
	if value == "" {
		return Credentials{}, &Error{Reason: Empty}
	}
	malformed := func(detail string) (Credentials, error) {
		return Credentials{}, &Error{Reason: Malformed, detail: detail}
	}
	if strings.HasPrefix(value, "{{resolve:") {
		return malformed("it is an unresolved {{resolve:…}} reference")
	}
	secret := value
	if strings.HasPrefix(value, "{") {
		var object struct {
			ClientID     *string `json:"clientId"`
			ClientSecret *string `json:"clientSecret"`
		}
		if json.Unmarshal([]byte(value), &object) != nil { // its error can quote the value
			return malformed("it starts like a JSON object, but it is not one with each key once and both values strings")
		}
		if object.ClientID == nil || object.ClientSecret == nil {
			return malformed("the JSON object must have the keys clientId and clientSecret, in this spelling")
		}
		clientID, secret = strings.TrimSpace(*object.ClientID), strings.TrimSpace(*object.ClientSecret)
	} else if clientID == "" {
		return malformed("it is plain text, which needs ATLAS_CLIENT_ID; set that or store a JSON object")
	}
	if problem := headerProblem(clientID); problem != "" {
		return malformed("the client id " + problem)
	}
	if problem := headerProblem(secret); problem != "" {
		return malformed("the client secret " + problem)
	}
	return Credentials{ClientID: clientID, ClientSecret: redact.New(secret)}, nil
}

// headerProblem returns why an HTTP header cannot carry the value, or "".
func headerProblem(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxValue:
		return fmt.Sprintf("is longer than %d bytes", maxValue)
	case strings.Contains(s, "{{resolve:"):
		return "is an unresolved {{resolve:…}} reference"
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		return "contains a character that an HTTP header cannot carry"
	}
	return ""
}
