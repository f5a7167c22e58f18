package secret

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnavailable matches every *Error: there are no credentials.
var ErrUnavailable = errors.New("the Atlas secret is not available")

// Reason says why there are no credentials.
type Reason string

// The reasons, each with its own fix.
const (
	NotFound    Reason = "not_found"   // the secret, or the version, does not exist
	Denied      Reason = "denied"      // IAM or the secret's policy forbids reading it
	Undecrypted Reason = "kms"         // KMS does not decrypt it
	Deleted     Reason = "deleted"     // it is scheduled for deletion
	Throttled   Reason = "throttled"   // too many reads
	Unreachable Reason = "unreachable" // Secrets Manager does not answer
	Failed      Reason = "failed"      // Secrets Manager answers with another error
	Empty       Reason = "empty"       // it has no value
	Binary      Reason = "binary"      // it contains bytes, not text
	Malformed   Reason = "malformed"   // its value has neither format
)

const format = `{"clientId":"…","clientSecret":"…"}`

var fixes = map[Reason]string{
	NotFound:    "check ATLAS_SECRET_ARN, the Region, and that a value was put into the secret",
	Denied:      "allow the function's role secretsmanager:GetSecretValue on it, in the role's policy and in the secret's own",
	Undecrypted: "allow the function's role kms:Decrypt on the secret's key, and check that the key is enabled",
	Deleted:     "restore it, or set ATLAS_SECRET_ARN to another",
	Throttled:   "it is tried again; if this lasts, find out what else reads it in this account and Region",
	Unreachable: "it is tried again; in a VPC, check the route or the interface endpoint to Secrets Manager",
	Failed:      "it is tried again; if this lasts, check the AWS health dashboard",
	Empty:       "put " + format + " into it",
	Binary:      "store it as text, " + format + ", not as SecretBinary",
	Malformed:   "store it as " + format,
}

// Error is a failed fetch. Its text does not contain the secret's value, nor the
// text of an AWS error, which has ARNs and account numbers.
type Error struct {
	Reason Reason
	// RetryAfter is the wait until the store fetches again, 0 if the next call does.
	RetryAfter time.Duration

	detail string // of a malformed value
	cause  error
}

// Error returns the reason and its fix.
func (e *Error) Error() string {
	text := fmt.Sprintf("%v (%s)", ErrUnavailable, e.Reason)
	if e.detail != "" {
		text += ": " + e.detail
	}
	return text + ": " + fixes[e.Reason]
}

// Is makes every *Error match ErrUnavailable.
func (e *Error) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the AWS SDK's error. Match it, do not print it.
func (e *Error) Unwrap() error { return e.cause }
