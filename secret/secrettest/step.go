package secrettest

import (
	"fmt"
	"net/http"
	"time"
)

// Step is one way to answer a call. The zero Step is OK. A Step may answer
// any number of calls, at the same time too.
type Step struct {
	name string
	run  func(*exchange)
}

// String names the step in the terms of its constructor.
func (s Step) String() string {
	if s.run == nil {
		return "OK()"
	}
	return s.name
}

func (s Step) play(x *exchange) {
	if s.run == nil {
		x.answer()
		return
	}
	s.run(x)
}

// OK does what the call asks for.
func OK() Step { return Step{"OK()", (*exchange).answer} }

// fault is a step that answers with an error of the service.
func fault(name, code, message string) Step {
	return Step{name, func(x *exchange) { x.fail(&apiError{code, message}) }}
}

// AccessDenied answers that the caller's IAM policies do not allow the call.
// The text names the caller's and the secret's ARN, as the service's does.
func AccessDenied() Step {
	return Step{"AccessDenied()", func(x *exchange) {
		action := "secretsmanager:" + x.operation
		x.fail(&apiError{"AccessDeniedException", fmt.Sprintf(
			"User: arn:aws:sts::%s:assumed-role/example-role/example-session is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
			account, action, x.server.ARN, action)})
	}}
}

// KMSAccessDenied answers that the caller may read the secret but not use the
// KMS key that encrypts it.
func KMSAccessDenied() Step {
	return fault("KMSAccessDenied()", "AccessDeniedException", "Access to KMS is not allowed")
}

// KMSDecryptionFailure answers that the KMS key cannot decrypt the secret: a
// key that is disabled or gone.
func KMSDecryptionFailure() Step {
	return fault("KMSDecryptionFailure()", "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
}

// NotFound answers that there is no such secret.
func NotFound() Step {
	return fault("NotFound()", "ResourceNotFoundException", notFound("").message)
}

// NoValue answers that the secret is there and has no value yet.
func NoValue() Step {
	return fault("NoValue()", "ResourceNotFoundException", notFound("value for staging label: "+stageCurrent).message)
}

// Deleted answers that the secret is marked for deletion.
func Deleted() Step {
	return fault("Deleted()", "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
}

// Throttled answers that there were too many calls.
func Throttled() Step { return fault("Throttled()", "ThrottlingException", "Rate exceeded") }

// InternalServiceError answers HTTP 500 with the service's own error.
func InternalServiceError() Step {
	return fault("InternalServiceError()", "InternalServiceError", "An error occurred on the server side.")
}

// Error answers with any error code of the service and this text, as HTTP
// 400; InternalServiceError and InternalFailure as 500.
func Error(code, message string) Step {
	return fault(fmt.Sprintf("Error(%q, %q)", code, message), code, message)
}

// HTTPStatus answers with this HTTP status and no error of the service in the
// body, as a proxy does. code is 200 to 599.
func HTTPStatus(code int) Step {
	return Step{fmt.Sprintf("HTTPStatus(%d)", code), func(x *exchange) {
		x.writeRaw(code, "text/html", []byte("<html><body>"+http.StatusText(code)+"</body></html>\n"))
	}}
}

// Value answers GetSecretValue with this text under the current version's id
// and labels, and leaves the version itself alone.
func Value(text string) Step {
	return Step{fmt.Sprintf("Value(%d bytes)", len(text)), instead(func(content) content { return content{text: &text} })}
}

// Malformed answers with a value that is no JSON.
func Malformed() Step { return Step{"Malformed()", Value(`{"clientId":"example-client",`).run} }

// Empty answers with an empty text for a value.
func Empty() Step { return Step{"Empty()", Value("").run} }

// Binary answers with the current value as SecretBinary.
func Binary() Step {
	return Step{"Binary()", instead(func(c content) content {
		if c.text != nil {
			c = content{binary: []byte(*c.text)}
		}
		return c
	})}
}

// instead answers with the current version after edit has changed its content.
func instead(edit func(content) content) func(*exchange) {
	return func(x *exchange) {
		v, err := x.server.versions.get("", "")
		if err != nil {
			x.fail(err)
			return
		}
		v.content = edit(v.content)
		x.sendValue(v)
	}
}

// CutConnection closes the connection without an answer.
func CutConnection() Step {
	return Step{"CutConnection()", func(*exchange) { panic(http.ErrAbortHandler) }}
}

// Delay waits for d and then answers as step does. The wait ends without an
// answer when the client goes away or the server closes.
func Delay(d time.Duration, step Step) Step {
	return Step{fmt.Sprintf("Delay(%v, %s)", d, step), func(x *exchange) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		wait(x, timer.C)
		step.play(x)
	}}
}

// Hold is Delay with a channel for a clock: it answers once release is closed
// or sends, so that a test decides when.
func Hold(release <-chan struct{}, step Step) Step {
	return Step{fmt.Sprintf("Hold(%s)", step), func(x *exchange) {
		wait(x, release)
		step.play(x)
	}}
}

// Hang never answers. It ends when the client goes away or the server closes.
func Hang() Step { return Step{"Hang()", Hold(nil, OK()).run} }

func wait[T any](x *exchange, ready <-chan T) {
	select {
	case <-ready:
	case <-x.r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-x.server.closing:
		panic(http.ErrAbortHandler)
	}
}
