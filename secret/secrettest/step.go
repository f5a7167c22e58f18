package secrettest

import (
	"net/http"
	"strings"

	"atriptoken/internal/faultscript"
)

// Step is one way to answer a call, whatever it asks for.
type Step = faultscript.Step

// These faults can happen to any HTTP server. OK is no fault.
var (
	OK            = faultscript.OK
	HTTPStatus    = faultscript.HTTPStatus
	Delay         = faultscript.Delay
	Hold          = faultscript.Hold
	Hang          = faultscript.Hang
	CutConnection = faultscript.CutConnection
)

// Error answers with an error code of the service and this message.
func Error(code, message string) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { fail(w, code, message) }
}

// AccessDenied answers that IAM does not allow the call. Like the service's
// message, this one contains ARNs.
func AccessDenied() Step {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		action := strings.ReplaceAll(r.Header.Get("X-Amz-Target"), ".", ":")
		fail(w, "AccessDeniedException", "User: arn:aws:sts::000000000000:assumed-role/example-role/example-session"+
			" is not authorized to perform: "+action+" on resource: arn:aws:secretsmanager:"+Region+":000000000000:secret:"+DefaultName+
			" because no identity-based policy allows the "+action+" action")
	}
}

// KMSAccessDenied answers that the caller may not use the secret's KMS key.
func KMSAccessDenied() Step { return Error("AccessDeniedException", "Access to KMS is not allowed") }

// KMSDecryptionFailure answers that the secret's KMS key is disabled or gone.
func KMSDecryptionFailure() Step {
	return Error("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
}

// NotFound answers that the secret does not exist.
func NotFound() Step {
	return Error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// NoValue answers that the secret has no value yet.
func NoValue() Step {
	return Error("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
}

// Deleted answers that the secret is scheduled for deletion.
func Deleted() Step {
	return Error("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
}

// Throttled answers that there were too many calls.
func Throttled() Step { return Error("ThrottlingException", "Rate exceeded") }

// InternalServiceError answers with an error of the service itself.
func InternalServiceError() Step {
	return Error("InternalServiceError", "An error occurred on the server side.")
}
