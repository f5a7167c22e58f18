package secrettest

import (
	"net/http"

	"atriptoken/internal/faultscript"
)

// Step is one way to answer a call, whatever it asks for.
type Step = faultscript.Step

// These faults can happen to any HTTP server. OK is no fault.
var (
	OK            = faultscript.OK
	HTTPStatus    = faultscript.HTTPStatus
	Delay         = faultscript.Delay
	Hang          = faultscript.Hang
	CutConnection = faultscript.CutConnection
)

// Error answers with an error code of the service and this message.
func Error(code, message string) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { fail(w, code, message) }
}

// These are the service's own errors, with messages like its own: IAM's contains ARNs.
var (
	AccessDenied = always("AccessDeniedException", "User: arn:aws:sts::000000000000:assumed-role/example-role/example-session"+
		" is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:"+Region+
		":000000000000:secret:"+DefaultName+" because no identity-based policy allows the secretsmanager:GetSecretValue action")
	KMSAccessDenied      = always("AccessDeniedException", "Access to KMS is not allowed")
	KMSDecryptionFailure = always("DecryptionFailure",
		"Secrets Manager can't decrypt the protected secret text using the provided KMS key.") // it is disabled or gone
	NotFound = always("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	NoValue  = always("ResourceNotFoundException",
		"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	Deleted = always("InvalidRequestException",
		"You can't perform this operation on the secret because it was marked for deletion.")
	Throttled            = always("ThrottlingException", "Rate exceeded")
	InternalServiceError = always("InternalServiceError", "An error occurred on the server side.")
)

func always(code, message string) func() Step { return func() Step { return Error(code, message) } }
