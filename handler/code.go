package handler

import (
	"strconv"
	"time"
)

// Code names a failure. It is the problem document's code, the function error's
// errorType and the audit line's outcome.
type Code string

// The codes of the contract.
const (
	InvalidRequest       Code = "InvalidRequest"
	NotPermitted         Code = "NotPermitted"
	NotFound             Code = "NotFound"
	MethodNotAllowed     Code = "MethodNotAllowed"
	BodyTooLarge         Code = "BodyTooLarge"
	UnsupportedMediaType Code = "UnsupportedMediaType"
	AtlasRateLimited     Code = "AtlasRateLimited"
	AtlasFailed          Code = "AtlasFailed"
	AtlasRefused         Code = "AtlasRefused"
	SecretUnavailable    Code = "SecretUnavailable"
	AtlasUnavailable     Code = "AtlasUnavailable"
	AtlasTimeout         Code = "AtlasTimeout"
	Internal             Code = "Internal"
)

// outcomeOK is the audit line's outcome of a success.
const outcomeOK = "OK"

// codes has a row for each code.
var codes = map[Code]struct {
	status int    // HTTP
	title  string // the same for every occurrence
	// metric counts it, "" if no alarm or graph needs that: Requests counts all.
	metric string
}{
	InvalidRequest:       {400, "The request is not valid", "InvalidRequest"},
	NotPermitted:         {403, "Not permitted", "NotPermitted"},
	NotFound:             {404, "Not found", ""},
	MethodNotAllowed:     {405, "Method not allowed", ""},
	BodyTooLarge:         {413, "The body is too large", ""},
	UnsupportedMediaType: {415, "The body is not JSON", ""},
	AtlasRateLimited:     {429, "Atlas limits the rate of requests", "AtlasRateLimited"},
	Internal:             {500, "Internal error", "InternalErrors"},
	AtlasFailed:          {502, "Atlas failed to answer the request", "AtlasFailed"},
	AtlasRefused:         {502, "Atlas does not accept the broker's credentials", "AtlasRefused"},
	SecretUnavailable:    {503, "The broker has no credentials for Atlas", "SecretUnavailable"},
	AtlasUnavailable:     {503, "Atlas cannot be reached", "AtlasUnavailable"},
	AtlasTimeout:         {504, "Atlas did not answer in time", "AtlasTimeout"},
}

// Codes returns every code with its HTTP status.
func Codes() map[Code]int {
	statuses := make(map[Code]int, len(codes))
	for code, row := range codes {
		statuses[code] = row.status
	}
	return statuses
}

// fault is a failure, not yet encoded for a caller.
type fault struct {
	code       Code
	detail     string
	fields     []fieldError
	allow      string        // the Allow header of MethodNotAllowed
	retryAfter time.Duration // 0: none
}

// internalFault is the answer to a defect of the broker.
var internalFault = fault{code: Internal, detail: "Report the request id to the broker's operator."}

// fieldError is a fault in the body.
type fieldError struct {
	// Pointer is an RFC 6901 JSON pointer to the member, "" for the whole body.
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// seconds rounds a wait up to whole seconds, at least 1.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}
