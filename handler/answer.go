package handler

import (
	"cmp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
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

type fault struct {
	code       Code
	detail     string
	fields     []fieldError
	allow      string        // the Allow header of MethodNotAllowed
	retryAfter time.Duration // 0: none
}

// internalFault is the answer to a defect of the broker.
var internalFault = &fault{code: Internal, detail: "Report the request id to the broker's operator."}

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

// outcome is the result of a request, to be encoded for its caller.
type outcome struct {
	reply     atlas.Reply
	fault     *fault // nil for a success
	requestID string
}

// token encodes a success, as Atlas sent it. Only here and in connect.go does the
// url leave the process.
func (o outcome) token() []byte {
	text, _ := json.Marshal(struct { // strings from a JSON decoder can be encoded
		URL    string  `json:"url"`
		Status int     `json:"status"`
		Msg    *string `json:"msg"`
	}{o.reply.URL.Reveal(), o.reply.Status, o.reply.Msg})
	return text
}

// http returns the HTTP answer: Atlas's, or an RFC 9457 problem document. A success
// is a bearer token, which nothing on the way may cache.
func (o outcome) http() (status int, header map[string]string, body []byte) {
	header = map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
	f := o.fault
	if f == nil {
		return 200, header, o.token()
	}
	row := codes[f.code]
	body, _ = json.Marshal(struct {
		Type     string       `json:"type"`
		Title    string       `json:"title"`
		Status   int          `json:"status"`
		Detail   string       `json:"detail"`
		Instance string       `json:"instance"`
		Code     Code         `json:"code"`
		Errors   []fieldError `json:"errors,omitempty"`
	}{"urn:atriptoken:problem:" + string(f.code), row.title, row.status, f.detail, o.requestID, f.code, f.fields})
	header["Content-Type"] = "application/problem+json"
	if f.allow != "" {
		header["Allow"] = f.allow
	}
	if f.retryAfter > 0 {
		header["Retry-After"] = seconds(f.retryAfter)
	}
	return row.status, header, body
}

// text returns the fault in one line, for callers other than HTTP.
func (o outcome) text() string {
	f := o.fault
	text := codes[f.code].title + ": " + f.detail
	for _, field := range f.fields {
		text += " " + cmp.Or(field.Pointer, "the request") + " " + field.Detail + "."
	}
	if f.retryAfter > 0 {
		text += " Try again in " + seconds(f.retryAfter) + " s."
	}
	return text + " (request " + o.requestID + ")"
}
