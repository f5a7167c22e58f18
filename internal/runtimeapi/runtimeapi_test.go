package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/internal/runtimeapi"
)

// echo answers with what it received, except for the event "fail".
type echo struct{}

func (echo) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	if string(payload) == "fail" {
		return nil, errors.New("MARKED")
	}
	return []byte(strings.Join([]string{
		string(payload), lc.AwsRequestID, lc.InvokedFunctionArn, lc.ClientContext.Custom["tool"], deadline.UTC().Format("2006"),
		os.Getenv("_X_AMZN_TRACE_ID"),
	}, " ")), nil
}

func (echo) Refuse(_ context.Context, detail string) ([]byte, error) { return []byte(detail), nil }

// api serves one invocation and then ends the loop with HTTP 410.
func api(t *testing.T, event string, header map[string]string, nextStatus, postStatus int) (address string, answer func() string) {
	served, answers := 0, []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const prefix = "/2018-06-01/runtime/invocation/"
		switch {
		case r.URL.Path != prefix+"next":
			body, _ := io.ReadAll(r.Body)
			kind := r.Header.Get("Lambda-Runtime-Function-Error-Type")
			if r.Header.Get("Content-Type") != "application/json" {
				kind = "no content type"
			}
			answers = append(answers, strings.TrimPrefix(r.URL.Path, prefix)+" "+kind+" "+string(body))
			w.WriteHeader(postStatus)
		case served > 0:
			w.WriteHeader(http.StatusGone)
		default:
			served++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-1")
			for name, value := range header {
				w.Header().Set("Lambda-Runtime-"+name, value)
			}
			w.WriteHeader(nextStatus)
			_, _ = io.WriteString(w, event)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), func() string { return strings.Join(answers, "\n") }
}

func TestServe(t *testing.T) {
	full := map[string]string{
		"Deadline-Ms": "4102444800000", "Invoked-Function-Arn": "arn", "Trace-Id": "Root=1", "Client-Context": `{"custom":{"tool":"open"}}`,
	}
	for _, row := range []struct {
		name, event string
		header      map[string]string
		next, post  int
		want        string // the answer
		err         string // of Serve
	}{
		{"a response", "event", full, 200, 202, "id-1/response  event id-1 arn open 2100 Root=1", "HTTP 410"},
		{"no headers", "event", nil, 200, 202, "id-1/response  event id-1   0001 ", "HTTP 410"},
		{"an invalid deadline", "event", map[string]string{"Deadline-Ms": "soon"}, 200, 202, "id-1/response  event id-1   0001 ", "HTTP 410"},
		{"a foreign error", "fail", nil, 200, 202,
			`id-1/error Internal {"errorMessage":"an error of type *errors.errorString","errorType":"Internal"}`, "HTTP 410"},
		{"an invalid client context", "event", map[string]string{"Client-Context": "[]"}, 200, 202,
			"id-1/response  The client context is not an object with the members that Lambda documents.", "HTTP 410"},
		{"no invocation", "event", nil, 500, 202, "", "no invocation from the Runtime API: HTTP 500"},
		{"an answer that is not accepted", "event", nil, 200, 413, "id-1/response  event id-1   0001 ", "did not accept an answer: HTTP 413"},
	} {
		address, answer := api(t, row.event, row.header, row.next, row.post)
		err := runtimeapi.Serve(t.Context(), address, 1, echo{})
		if err == nil || !strings.Contains(err.Error(), row.err) || answer() != row.want {
			t.Errorf("%s: %q and the error %v; want %q and %q", row.name, answer(), err, row.want, row.err)
		}
	}
	for _, address := range []string{"127.0.0.1:1", "not an address", ""} {
		if err := runtimeapi.Serve(t.Context(), address, 2, echo{}); err == nil {
			t.Errorf("Serve with the Runtime API at %q succeeded", address)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runtimeapi.Serve(ended, "127.0.0.1:1", 2, echo{}); err != nil {
		t.Errorf("Serve with an ended context: %v", err)
	}
}
