package atlas

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of failure. Each error that a Client returns matches exactly one
// of them by errors.Is.
var (
	// ErrSystem: Atlas answered that it failed: status 2, 9999, -1, any status
	// that is not known, or an HTTP status that is not 200.
	ErrSystem = errors.New("Atlas reports a failure")
	// ErrRefused: Atlas does not accept the credentials: status 3, 900 or 902,
	// HTTP 401 or 403.
	ErrRefused = errors.New("Atlas refuses the credentials")
	// ErrRateLimited: Atlas's limiter answered; Error.RetryAfter tells the wait.
	ErrRateLimited = errors.New("Atlas limits the rate")
	// ErrMalformed: the answer cannot be used: a redirect, not the documented
	// JSON, more than MaxReply bytes, cut short, or a url that is not allowed.
	ErrMalformed = errors.New("Atlas's reply cannot be used")
	// ErrTimeout: the context ended after the request had a connection.
	ErrTimeout = errors.New("Atlas did not answer in time")
	// ErrUnreachable: there was no connection to send the request on.
	ErrUnreachable = errors.New("Atlas cannot be reached")
)

// Error is what a failed call returns. Its text never holds anything that
// Atlas sent, nor the credentials, nor the url.
type Error struct {
	// Kind is one of ErrSystem, ErrRefused, ErrRateLimited, ErrMalformed,
	// ErrTimeout and ErrUnreachable.
	Kind error
	// Status is the reply's status, or its code when the limiter answered; nil
	// when there was none.
	Status *int
	// HTTPStatus is the reply's HTTP status, 0 when there was no reply.
	HTTPStatus int
	// RetryAfter is the wait that the limiter asks for; 0 when unknown.
	RetryAfter time.Duration
	// Retryable tells that the same request may succeed a moment later.
	Retryable bool
	// Detail says what happened, in the client's own words.
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
// error may quote what the other side sent: match it, do not print it.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}
