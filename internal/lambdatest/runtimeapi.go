package lambdatest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// runtimeAPI is the Runtime API of one function.
type runtimeAPI struct {
	queue  chan *invocation
	ready  chan struct{} // closed at the first request for work
	closed chan struct{} // closed when nobody is to wait any more
	first  sync.Once

	mu      sync.Mutex
	running map[string]*invocation
	init    string // the init error's document
}

// invocation is one event on its way through the process.
type invocation struct {
	id    string
	event []byte
	InvokeOptions
	done chan Reply // holds one
}

func newRuntimeAPI() *runtimeAPI {
	return &runtimeAPI{
		queue: make(chan *invocation), ready: make(chan struct{}), closed: make(chan struct{}),
		running: map[string]*invocation{},
	}
}

func (a *runtimeAPI) newInvocation(event []byte, o InvokeOptions) *invocation {
	if o.RequestID == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		o.RequestID = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	return &invocation{id: o.RequestID, event: event, InvokeOptions: o, done: make(chan Reply, 1)}
}

func (a *runtimeAPI) close() { close(a.closed) }

func (a *runtimeAPI) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", a.finish)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", a.finish)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		document, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.init = string(document)
		a.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

func (a *runtimeAPI) initError() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.init
}

// next hands out the next invocation and blocks until there is one.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.first.Do(func() { close(a.ready) })
	select {
	case i := <-a.queue:
		a.mu.Lock()
		a.running[i.id] = i
		a.mu.Unlock()
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(i.Timeout).UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", i.FunctionARN)
		if i.ClientContext != "" {
			header.Set("Lambda-Runtime-Client-Context", i.ClientContext)
		}
		if i.TraceID != "" {
			header.Set("Lambda-Runtime-Trace-Id", i.TraceID)
		}
		_, _ = w.Write(i.event)
	case <-a.closed:
		w.WriteHeader(http.StatusGone) // what ends aws-lambda-go's loop
	case <-r.Context().Done():
	}
}

// finish takes an answer or a function error.
func (a *runtimeAPI) finish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	a.mu.Lock()
	i := a.running[r.PathValue("id")]
	delete(a.running, r.PathValue("id"))
	a.mu.Unlock()
	if i == nil || err != nil {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	reply := Reply{Payload: body}
	if r.URL.Path == "/2018-06-01/runtime/invocation/"+i.id+"/error" {
		reply = failure(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	}
	reply.RequestID = i.id
	i.done <- reply
	w.WriteHeader(http.StatusAccepted)
}
