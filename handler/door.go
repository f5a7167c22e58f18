package handler

import (
	"strings"
)

// The doors are the function's entry points, one per Lambda alias. An invoker
// can send any event, so an event's identity is worth as much as the alias's
// invoke permission: only API Gateway, function URLs, load balancers and AppSync
// may invoke `api`, and they vouch for what they write. A service that may invoke
// another alias, or the function itself, could forge an event with any identity.
const (
	doorAPI         = "api"         // events in which AWS identifies the caller
	doorService     = "service"     // plain events
	doorUnqualified = "unqualified" // plain events: no alias, or a version
	doorUnknown     = "unknown"     // nothing: another alias, or outside Lambda
)

// opens reports whether the door accepts the caller's kind of event.
func (h *Handler) opens(door string, c *caller) bool {
	return door == c.door || door == doorUnqualified && (c.door == doorService || h.config.SAMLocal)
}

// doorOf reads the door from the invoked function's ARN, which Lambda sets:
// arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER].
func doorOf(functionARN string) string {
	parts := strings.Split(functionARN, ":")
	switch {
	case len(parts) == 7:
		return doorUnqualified
	case len(parts) != 8:
		return doorUnknown
	case parts[7] == doorAPI, parts[7] == doorService:
		return parts[7]
	case parts[7] == "$LATEST", strings.Trim(parts[7], "0123456789") == "":
		return doorUnqualified
	}
	return doorUnknown
}
