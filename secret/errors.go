package secret

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnavailable matches every error of this package: there are no credentials
// to call Atlas with.
var ErrUnavailable = errors.New("the Atlas secret is not available")

// Reason tells why there are none.
type Reason string

// The reasons, each with its own way to mend it.
const (
	NotFound    Reason = "not_found"   // no such secret, or no such version in it
	Denied      Reason = "denied"      // IAM or the secret's policy forbids reading it
	Undecrypted Reason = "kms"         // KMS does not decrypt it
	Deleted     Reason = "deleted"     // it is scheduled for deletion
	Throttled   Reason = "throttled"   // too many reads
	Unreachable Reason = "unreachable" // no answer from Secrets Manager
	Failed      Reason = "failed"      // Secrets Manager answered with another error
	Empty       Reason = "empty"       // it holds no value
	Binary      Reason = "binary"      // it holds bytes, not a string
	Malformed   Reason = "malformed"   // its value is in neither format
)

// mends says what a person does about each reason.
var mends = map[Reason]string{
	NotFound:    "check ATLAS_SECRET_ARN, the Region, and that a value was put into the secret",
	Denied:      "let the function's role call secretsmanager:GetSecretValue on it, in the role's policy and in the secret's own",
	Undecrypted: "let the function's role call kms:Decrypt on the secret's key, and check that the key is enabled",
	Deleted:     "restore it, or point ATLAS_SECRET_ARN at another",
	Throttled:   "it is tried again; if it lasts, look for what else reads it in this account and Region",
	Unreachable: "it is tried again; in a VPC, check the route or the interface endpoint to Secrets Manager",
	Failed:      "it is tried again; if it lasts, check the AWS health dashboard",
	Empty:       `put {"clientId":"…","clientSecret":"…"} into it`,
	Binary:      `store it as a string, {"clientId":"…","clientSecret":"…"}, not as SecretBinary`,
	Malformed:   `store it as {"clientId":"…","clientSecret":"…"}`,
}

// Error is what a fetch fails with. Its text never holds the secret's value,
// nor the text of an AWS error, which holds ARNs and account numbers.
type Error struct {
	// Reason tells what is wrong.
	Reason Reason
	// RetryAfter is how long the store waits before it tries again; 0 means
	// that the next call tries.
	RetryAfter time.Duration

	cause error
}

// Error returns what is wrong and what to do about it.
func (e *Error) Error() string {
	text := fmt.Sprintf("%v (%s)", ErrUnavailable, e.Reason)
	if e.Reason == Malformed && e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text + ": " + mends[e.Reason]
}

// Is makes every Error match ErrUnavailable.
func (e *Error) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the AWS SDK's error. Match it, do not print it.
func (e *Error) Unwrap() error { return e.cause }

func failure(reason Reason, cause error) *Error { return &Error{Reason: reason, cause: cause} }
