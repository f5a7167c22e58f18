package atlas

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of failure. Each error of GetToken matches exactly one of them.
var (
	// ErrSystem: Atlas reports a failure: status 2, 9999, -1 or an unknown one,
	// or an HTTP status other than 200.
	ErrSystem = errors.New("Atlas reports a failure")
	// ErrRefused: Atlas does not accept the credentials, or not for this order:
	// status 3, 900 or 902, HTTP 401 or 403.
	ErrRefused = errors.New("Atlas refuses access")
	// ErrRateLimited: Atlas's rate limiter answered. Error.RetryAfter is the wait.
	ErrRateLimited = errors.New("Atlas limits the rate")
	// ErrMalformed: the reply cannot be used. It is a redirect, not the documented
	// JSON, larger than MaxReply or cut short, or its url is not allowed.
	ErrMalformed = errors.New("Atlas's reply cannot be used")
	// ErrTimeout: the context ended while the request was on a connection.
	ErrTimeout = errors.New("Atlas did not answer in time")
	// ErrUnreachable: there was no connection.
	ErrUnreachable = errors.New("Atlas cannot be reached")
)

// Error is a failed call. Its text contains nothing that Atlas sent, no
// credentials and no url.
type Error struct {
	// Kind is one of the kinds of failure above.
	Kind error
	// Status is the status or the rate limiter's code in the reply's body, nil
	// if there was none.
	Status *int
	// HTTPStatus is 0 if there was no reply.
	HTTPStatus int
	// RetryAfter is the wait that the rate limiter asks for, 0 if unknown.
	RetryAfter time.Duration
	// Retryable means that the same request can succeed a moment later.
	Retryable bool
	// Detail explains the failure in the client's own words.
	Detail string

	cause error
}

// Error returns the kind, the detail and the statuses.
func (e *Error) Error() string {
	text := e.Kind.Error()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Status != nil {
		text += fmt.Sprintf(" (status %d)", *e.Status)
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != 200 {
		text += fmt.Sprintf(" (HTTP %d)", e.HTTPStatus)
	}
	return text
}

// Unwrap returns the kind and the transport's error, if any. The transport's
// error can quote the other side: match it, do not print it.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}
