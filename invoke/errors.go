package invoke

// Code names a failure: the errorType of the function error. It is an error, so
// that errors.Is takes it.
type Code string

// The codes of the broker. NotFound, MethodNotAllowed and UnsupportedMediaType
// are for HTTP and do not occur here.
const (
	InvalidRequest    Code = "InvalidRequest"
	NotPermitted      Code = "NotPermitted"
	BodyTooLarge      Code = "BodyTooLarge"
	AtlasRateLimited  Code = "AtlasRateLimited"
	AtlasFailed       Code = "AtlasFailed"
	AtlasRefused      Code = "AtlasRefused"
	SecretUnavailable Code = "SecretUnavailable"
	AtlasUnavailable  Code = "AtlasUnavailable"
	AtlasTimeout      Code = "AtlasTimeout"
	Internal          Code = "Internal"
	// TimedOut and Exited are Lambda's own: the function's timeout passed, its
	// process ended.
	TimedOut Code = "Sandbox.Timedout"
	Exited   Code = "Runtime.ExitError"
)

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Temporary reports whether the same request may succeed a moment later. The
// broker has tried again already where that was any use; wait seconds, not
// milliseconds.
func (c Code) Temporary() bool {
	switch c {
	case AtlasRateLimited, AtlasFailed, SecretUnavailable, AtlasUnavailable, AtlasTimeout, TimedOut, Exited:
		return true
	}
	return false
}

// Error is a failure that the broker, or Lambda in its place, has named.
type Error struct {
	// Code says what failed.
	Code Code
	// Message is the broker's text, with the request id to quote. It is free of
	// secrets and of what Atlas said.
	Message string
}

// Error returns the code and the message.
func (e *Error) Error() string { return "invoke: " + string(e.Code) + ": " + e.Message }

// Unwrap returns the code.
func (e *Error) Unwrap() error { return e.Code }
