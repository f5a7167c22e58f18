package lambdatest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// InvokeOptions configure Invoke. The zero value, or nil in its place, works.
type InvokeOptions struct {
	// FunctionARN is the invoked ARN, ending with the alias if there is one.
	// Empty means DefaultFunctionARN.
	FunctionARN string
	// Timeout is the function's configured timeout, which sets the deadline.
	// Zero means 25 seconds.
	Timeout time.Duration
	// ClientContext is the caller's client context, a JSON object; "" for none.
	ClientContext string
}

// DefaultFunctionARN is the example function's ARN, without a qualifier.
const DefaultFunctionARN = "arn:aws:lambda:eu-west-1:123456789012:function:atriptoken"

// Reply is the function's reply.
type Reply struct {
	// Payload is the reply's JSON, or the error document of a function error.
	Payload []byte `json:"-"`
	// ErrorType and ErrorMessage are set for a function error.
	ErrorType, ErrorMessage string
	// Duration is the time from handing out the event to receiving the reply.
	Duration time.Duration `json:"-"`
}

// Failed reports whether the reply is a function error.
func (r Reply) Failed() bool { return r.ErrorType != "" }

// invocation is one event waiting for its reply.
type invocation struct {
	event []byte
	InvokeOptions
	began time.Time
	done  chan Reply // has room for the reply
}

// Invoke sends the event to the function and returns its reply, which may be a
// function error. The error is ctx's, or says how the process ended.
func (f *Function) Invoke(ctx context.Context, event []byte, o *InvokeOptions) (Reply, error) {
	i := &invocation{event: event, done: make(chan Reply, 1)}
	if o != nil {
		i.InvokeOptions = *o
	}
	i.FunctionARN, i.Timeout = cmp.Or(i.FunctionARN, DefaultFunctionARN), cmp.Or(i.Timeout, 25*time.Second)
	select {
	case f.queue <- i:
	case <-f.exited:
		return Reply{}, f.exitError()
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("lambdatest: the function did not take the invocation: %w", ctx.Err())
	}
	select {
	case reply := <-i.done:
		return reply, nil
	case <-f.exited:
		select {
		case reply := <-i.done: // sent just before the process ended
			return reply, nil
		default:
			return Reply{}, f.exitError()
		}
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("lambdatest: the function did not reply: %w", ctx.Err())
	}
}

// api returns the function's Runtime API.
func (f *Function) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", f.finish)
	return mux
}

// next waits for an invocation and hands it out.
func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	f.once.Do(func() {
		f.init = time.Since(f.started)
		close(f.ready)
	})
	var i *invocation
	select {
	case i = <-f.queue:
	case <-r.Context().Done():
		return
	}
	i.began = time.Now()
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", f.last.Add(1))
	f.running.Store(id, i)
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.began.Add(i.Timeout).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", i.FunctionARN)
	if i.ClientContext != "" {
		header.Set("Lambda-Runtime-Client-Context", i.ClientContext)
	}
	_, _ = w.Write(i.event)
}

// finish receives a reply or a function error.
func (f *Function) finish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	received := time.Now()
	found, ok := f.running.LoadAndDelete(r.PathValue("id"))
	if !ok || err != nil {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	i := found.(*invocation)
	reply := Reply{Payload: body, Duration: received.Sub(i.began)}
	if r.PathValue("outcome") == "error" {
		reply.ErrorType = "Unknown" // unless the document has a type
		_ = json.Unmarshal(body, &reply)
	}
	i.done <- reply
	w.WriteHeader(http.StatusAccepted)
}
