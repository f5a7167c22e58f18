package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// environment is one execution environment as Lambda runs it: a process of the
// function, and the Runtime API that hands it invocations (Lambda developer
// guide, "Using the Lambda runtime API for custom runtimes").
type environment struct {
	command *exec.Cmd
	server  *http.Server
	started time.Time
	stderr  string

	queue  chan *invocation
	ready  chan time.Time // the first poll for an invocation
	polls  chan struct{}  // every later one
	exited chan struct{}

	mu      sync.Mutex
	running map[string]*invocation
	serial  atomic.Int64
}

// invocation is one event on its way through the function.
type invocation struct {
	event      []byte
	sent, done time.Time
	answer     []byte
	failed     bool
	finished   chan struct{}
}

// patience is the longest that anything may take before the run is given up.
const patience = 60 * time.Second

// start starts the program with the variables, in the group when that is not
// nil. Its standard output goes to a file, as Lambda's goes to a pipe.
func start(program string, variables []string, group *cpuGroup, dir string) (*environment, error) {
	e := &environment{
		queue: make(chan *invocation), ready: make(chan time.Time, 1), polls: make(chan struct{}, 1024),
		exited: make(chan struct{}), running: map[string]*invocation{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", e.respond)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Fprintf(os.Stderr, "%s %s: %s\n", r.Method, r.URL.Path, text) // an INIT that failed says why
		w.WriteHeader(http.StatusAccepted)
	})
	e.server = &http.Server{Handler: mux}
	go e.server.Serve(listener)

	log, err := os.CreateTemp(dir, "stderr")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	e.stderr = log.Name()
	stdout, err := os.OpenFile(filepath.Join(dir, "stdout"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	e.command = exec.Command(program)
	e.command.Dir = path.Dir(program)
	e.command.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}, variables...)
	e.command.Stdout, e.command.Stderr = stdout, log
	if e.started, err = group.start(e.command); err != nil {
		return nil, err
	}
	go func() {
		_ = e.command.Wait()
		close(e.exited)
	}()
	return e, nil
}

// next hands out an invocation when there is one.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	select {
	case e.ready <- now:
	default:
	}
	select {
	case e.polls <- struct{}{}:
	default:
	}
	var in *invocation
	select {
	case in = <-e.queue:
	case <-r.Context().Done():
		return
	}
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", e.serial.Add(1))
	e.mu.Lock()
	e.running[id] = in
	e.mu.Unlock()
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(25*time.Second).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":"+account+":function:atriptoken:api")
	header.Set("Lambda-Runtime-Trace-Id", "Root=1-65cdd4f2-0f2a1c3b4d5e6f708192a3b4;Sampled=0")
	in.sent = time.Now()
	_, _ = w.Write(in.event)
}

// respond takes the answer, or the function error.
func (e *environment) respond(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	answer, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	in := e.running[r.PathValue("id")]
	delete(e.running, r.PathValue("id"))
	e.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	if in == nil {
		return
	}
	in.done, in.answer, in.failed = now, answer, r.PathValue("outcome") != "response"
	close(in.finished)
}

// waitReady returns when the function asked for its first invocation.
func (e *environment) waitReady() (time.Time, error) {
	select {
	case at := <-e.ready:
		return at, nil
	case <-e.exited:
		return time.Time{}, e.failure("ended in INIT")
	case <-time.After(patience):
		return time.Time{}, e.failure("did not become ready")
	}
}

// waitPoll returns when the function has asked for another invocation.
func (e *environment) waitPoll() error {
	select {
	case <-e.polls:
		return nil
	case <-e.exited:
		return e.failure("ended")
	case <-time.After(patience):
		return e.failure("asks for no invocation")
	}
}

// invoke runs one event through the function; want has to be in the answer.
func (e *environment) invoke(event []byte, want string) (*invocation, error) {
	in := &invocation{event: event, finished: make(chan struct{})}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case e.queue <- in:
	case <-e.exited:
		return nil, e.failure("ended before an invocation")
	case <-timeout.C:
		return nil, e.failure("asks for no invocation")
	}
	select {
	case <-in.finished:
	case <-e.exited:
		return nil, e.failure("ended in an invocation")
	case <-timeout.C:
		return nil, e.failure("does not answer")
	}
	if in.failed || !strings.Contains(string(in.answer), want) {
		return nil, e.failure("answered " + string(in.answer))
	}
	return in, nil
}

func (e *environment) failure(what string) error {
	text, _ := os.ReadFile(e.stderr)
	return errors.New(e.command.Path + " " + what + "; it said: " + string(text))
}

// stop ends the process.
func (e *environment) stop() {
	_ = e.command.Process.Kill()
	<-e.exited
	e.server.Close()
	os.Remove(e.stderr)
}
