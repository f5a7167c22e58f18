package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const internalMessage = "Internal Server Error"

// answer is an HTTP answer before it is written.
type answer struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
	// own marks what the gateway says by itself; reason says why.
	own    bool
	reason string
}

// ownAnswer is one of API Gateway's own errors: {"message": …}.
func ownAnswer(status int, message, reason string) answer {
	body, _ := json.Marshal(map[string]string{"message": message}) // two strings always marshal
	return answer{
		status: status, headers: map[string]string{"content-type": "application/json"},
		body: body, own: true, reason: reason,
	}
}

// reply is the function's reply in payload format 2.0.
type reply struct {
	StatusCode      *int           `json:"statusCode"`
	Headers         map[string]any `json:"headers"`
	Cookies         []string       `json:"cookies"`
	Body            *string        `json:"body"`
	IsBase64Encoded bool           `json:"isBase64Encoded"`
}

// fromReply maps the function's reply onto HTTP (the guide, "Create AWS Lambda
// proxy integrations for HTTP APIs", Lambda function response for format 2.0).
func fromReply(raw []byte) answer {
	if !json.Valid(raw) {
		return functionFailed("the function's reply is not JSON")
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &members) != nil || members["statusCode"] == nil {
		return inferred(raw)
	}
	var r reply
	if err := json.Unmarshal(raw, &r); err != nil {
		return functionFailed(fmt.Sprintf("the function's reply has another shape than format 2.0: %v", err))
	}
	if r.StatusCode == nil || *r.StatusCode < 200 || *r.StatusCode > 599 {
		return functionFailed("the function's statusCode is not an HTTP status")
	}
	// A reply without a content type is text/plain (reported by its users).
	a := answer{status: *r.StatusCode, cookies: r.Cookies, headers: map[string]string{"content-type": "text/plain;charset=UTF-8"}}
	for name, value := range r.Headers {
		switch value.(type) {
		case string, bool, float64:
			a.headers[strings.ToLower(name)] = fmt.Sprint(value)
		default:
			return functionFailed(fmt.Sprintf("the function's header %q is neither text, number nor boolean", name))
		}
	}
	if r.Body == nil {
		return a
	}
	a.body = []byte(*r.Body)
	if r.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(*r.Body)
		if err != nil {
			return functionFailed("the function's body is not base64")
		}
		a.body = decoded
	}
	return a
}

// inferred is a reply without a statusCode: a 200 with that reply as its body.
func inferred(raw []byte) answer {
	body := bytes.TrimSpace(raw)
	var text string
	if json.Unmarshal(body, &text) == nil {
		body = []byte(text)
	}
	return answer{status: http.StatusOK, headers: map[string]string{"content-type": "application/json"}, body: body}
}

// hopByHop are headers that belong to one connection (RFC 9110, 7.6.1) or are
// made by the server itself.
var hopByHop = map[string]bool{
	"connection": true, "keep-alive": true, "transfer-encoding": true, "upgrade": true,
	"te": true, "trailer": true, "proxy-authenticate": true, "content-length": true,
}

func (a answer) write(w http.ResponseWriter, requestID string) {
	for name, value := range a.headers {
		if !hopByHop[name] {
			w.Header().Set(name, value)
		}
	}
	for _, cookie := range a.cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.Header().Set("Apigw-Requestid", requestID)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that went away is no error of ours
}
