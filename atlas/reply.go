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

// reply is the union of what Atlas answers with: the documented body, and the
// limiter's. Members are kept raw so that one of an unexpected type does not
// hide the status beside it.
type reply struct {
	URL        jsontext.Value `json:"url"`
	Status     jsontext.Value `json:"status"`
	Msg        jsontext.Value `json:"msg"`
	Code       jsontext.Value `json:"code"`
	RetryAfter jsontext.Value `json:"retryAfter"`
}

// statusRateLimited is the limiter's code, whatever the HTTP status.
const statusRateLimited = 429

// classify turns a whole reply into Reply or *Error. HTTP's own refusals come
// first, since a gateway in front of Atlas answers with bodies of its own.
func (c *Client) classify(response *http.Response, text []byte) (Reply, error) {
	httpStatus := response.StatusCode
	fail := func(kind error, status *int, retryable bool, detail string) (Reply, error) {
		return Reply{}, &Error{Kind: kind, Status: status, HTTPStatus: httpStatus, Retryable: retryable, Detail: detail}
	}
	oversized := len(text) > MaxReply
	var body reply
	undecodable := oversized || json.Unmarshal(text, &body) != nil
	code, limited := integer(body.Code)
	limited = limited && code == statusRateLimited

	switch {
	case limited || httpStatus == http.StatusTooManyRequests:
		e := &Error{Kind: ErrRateLimited, HTTPStatus: httpStatus, Retryable: true, RetryAfter: retryAfter(body.RetryAfter, response.Header)}
		if limited {
			e.Status = &code
		}
		return Reply{}, e
	case httpStatus == http.StatusUnauthorized || httpStatus == http.StatusForbidden:
		return fail(ErrRefused, nil, false, "")
	case httpStatus >= 300 && httpStatus < 400:
		return fail(ErrMalformed, nil, false, "it is a redirect, which is never followed; check the base URL")
	case httpStatus >= 500:
		return fail(ErrSystem, nil, true, "")
	case httpStatus != http.StatusOK:
		return fail(ErrSystem, nil, false, "check the base URL")
	case oversized:
		return fail(ErrMalformed, nil, false, "it is larger than "+strconv.Itoa(MaxReply>>10)+" KiB")
	case response.Header.Get("Content-Encoding") != "" && !response.Uncompressed:
		return fail(ErrMalformed, nil, false, "its content encoding was not asked for")
	case undecodable:
		return fail(ErrMalformed, nil, true, "it is not the documented JSON object")
	}

	status, ok := integer(body.Status)
	if !ok {
		return fail(ErrMalformed, nil, true, "its status is not a whole number")
	}
	// 0, 2 and 3 are documented for this call; the others are known from
	// Atlas's other calls.
	switch status {
	case 0:
		return c.success(&body, httpStatus)
	case 3, 900, 902:
		return fail(ErrRefused, &status, false, "")
	case 2, 9999, -1:
		return fail(ErrSystem, &status, true, "")
	case statusRateLimited:
		return Reply{}, &Error{Kind: ErrRateLimited, Status: &status, HTTPStatus: httpStatus, Retryable: true,
			RetryAfter: retryAfter(body.RetryAfter, response.Header)}
	default:
		return fail(ErrSystem, &status, false, "")
	}
}

func (c *Client) success(body *reply, httpStatus int) (Reply, error) {
	zero := 0
	fail := func(detail string) (Reply, error) {
		return Reply{}, &Error{Kind: ErrMalformed, Status: &zero, HTTPStatus: httpStatus, Detail: detail}
	}
	text, err := jsontext.AppendUnquote(nil, body.URL)
	url := string(text)
	if err != nil || url == "" {
		return fail("it reports success and holds no url")
	}
	if err := c.checkPortalURL(url); err != nil {
		return fail(err.Error())
	}
	answer := Reply{URL: redact.New(url)}
	// msg is passed on when it is text and never decides anything.
	var msg string
	if body.Msg.Kind() == '"' && json.Unmarshal(body.Msg, &msg) == nil {
		answer.Msg = &msg
	}
	return answer, nil
}

// integer reads a JSON number that is whole and fits in 32 bits.
func integer(v jsontext.Value) (int, bool) {
	if v.Kind() != '0' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return 0, false
	}
	return int(n), true
}

// maxRetryAfter bounds the wait that is passed on: nobody waits longer than
// that on a click, and a wild value must not silence a frontend for days.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the limiter's wait in seconds, from its body or else from
// the Retry-After header; 0 when neither gives one.
func retryAfter(v jsontext.Value, header http.Header) time.Duration {
	text := string(v)
	if v.Kind() != '0' {
		text = header.Get("Retry-After")
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	if seconds > maxRetryAfter.Seconds() {
		return maxRetryAfter
	}
	return time.Duration(seconds * float64(time.Second))
}
