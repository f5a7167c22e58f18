package handler

import (
	"context"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// The doors, told by the alias through which the function was invoked. Whoever
// may invoke an alias can send it any event, so what an event says about its
// sender is worth what the alias's permissions are: `api` is invoked by API
// Gateway, function URLs, load balancers and AppSync alone, which vouch for
// what they write; a service that may invoke `service` says nothing about
// itself, and could otherwise forge an event with an identity of its choice.
const (
	doorAPI         = "api"         // events in which AWS identifies the caller
	doorService     = "service"     // plain ones
	doorUnqualified = "unqualified" // both: local runs and administrators
	doorUnknown     = "unknown"     // none
)

// door is the door of an invocation; outside Lambda there is none to tell.
func door(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return doorOf(lc.InvokedFunctionArn)
	}
	return doorUnqualified
}

// doorOf reads the door from the invoked function's ARN, which Lambda sets:
// arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]. A version number and
// $LATEST count as unqualified: only who may invoke the function itself, rather
// than one of its aliases, can name them.
func doorOf(functionARN string) string {
	parts := strings.Split(functionARN, ":")
	if len(parts) < 8 {
		return doorUnqualified
	}
	switch qualifier := parts[7]; {
	case qualifier == doorAPI || qualifier == doorService:
		return qualifier
	case qualifier == "$LATEST" || strings.Trim(qualifier, "0123456789") == "":
		return doorUnqualified
	}
	return doorUnknown
}
