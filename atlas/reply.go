package atlas

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"atriptoken/internal/redact"
)

// reply is the union of the documented body and the rate limiter's. Members are
// kept raw, so that an unexpected type of one does not hide the others.
type reply struct {
	URL        jsontext.Value `json:"url"`
	Status     jsontext.Value `json:"status"`
	Msg        jsontext.Value `json:"msg"`
	Code       jsontext.Value `json:"code"`
	RetryAfter jsontext.Value `json:"retryAfter"`
}

// rateLimited is the rate limiter's code, whatever the HTTP status.
const rateLimited = 429

// classify turns a reply into a Reply or an *Error. The HTTP status comes before
// the body, because a gateway in front of Atlas sends bodies of another form.
func (c *Client) classify(response *http.Response, text []byte) (Reply, error) {
	var body reply
	oversized := len(text) > MaxReply
	malformed := oversized || json.Unmarshal(text, &body) != nil
	status, hasStatus := integer(body.Status)
	code, _ := integer(body.Code) // 0 if there is none

	e := &Error{Kind: ErrMalformed, HTTPStatus: response.StatusCode}
	switch httpStatus := e.HTTPStatus; {
	case code == rateLimited:
		e.Kind, e.Status = ErrRateLimited, &code
	case httpStatus == rateLimited:
		e.Kind = ErrRateLimited
	case httpStatus == 401 || httpStatus == 403:
		e.Kind = ErrRefused
	case httpStatus >= 300 && httpStatus < 400:
		e.Detail = "it is a redirect, which is never followed; check the base URL"
	case httpStatus >= 500:
		e.Kind, e.Retryable = ErrSystem, true
	case httpStatus != 200:
		e.Kind, e.Detail = ErrSystem, "check the base URL"
	case oversized:
		e.Detail = "it is larger than " + strconv.Itoa(MaxReply>>10) + " KiB"
	case response.Header.Get("Content-Encoding") != "": // the transport removes gzip's
		e.Detail = "its content encoding was not requested"
	case malformed:
		e.Detail, e.Retryable = "it is not the documented JSON object", true
	case !hasStatus:
		e.Detail, e.Retryable = "its status is not a whole number", true
	default:
		e.Status = &status
		// 0, 2 and 3 are documented for this call, the others for Atlas's other calls.
		switch status {
		case 0:
			url, _ := jsontext.AppendUnquote(nil, body.URL) // empty unless it is text
			if e.Detail = c.checkPortalURL(string(url)); e.Detail == "" {
				return Reply{URL: redact.New(string(url)), Msg: optionalText(body.Msg)}, nil
			}
		case 3, 900, 902:
			e.Kind = ErrRefused
		case rateLimited:
			e.Kind = ErrRateLimited
		default:
			e.Kind, e.Retryable = ErrSystem, status == 2 || status == 9999 || status == -1
		}
	}
	if e.Kind == ErrRateLimited {
		e.Retryable, e.RetryAfter = true, retryAfter(body.RetryAfter, response.Header)
	}
	return Reply{}, e
}

// optionalText reads a JSON string. Nil means that it is something else.
func optionalText(v jsontext.Value) *string {
	unquoted, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return nil
	}
	text := string(unquoted)
	return &text
}

// integer reads a JSON number that is whole and fits in 32 bits.
func integer(v jsontext.Value) (int, bool) {
	if v.Kind() != '0' {
		return 0, false
	}
	n, _ := strconv.ParseFloat(string(v), 64) // infinite if it is out of range
	if n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return 0, false
	}
	return int(n), true
}

// maxRetryAfter bounds the wait: a wrong value must not stop a frontend for days.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the rate limiter's wait in seconds from its body, else from
// the Retry-After header. 0 means that it is unknown.
func retryAfter(v jsontext.Value, header http.Header) time.Duration {
	text := string(v)
	if v.Kind() != '0' {
		text = header.Get("Retry-After")
	}
	seconds, _ := strconv.ParseFloat(text, 64) // 0 if it is no number
	if !(seconds > 0) {                        // or NaN
		return 0
	}
	return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
}
