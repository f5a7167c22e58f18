package faultscript

import (
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Step is one way to answer a call. ok is the answer without a fault.
type Step func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc)

// OK answers as the simulated service does.
func OK() Step {
	return func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) { ok(w, r) }
}

// HTTPReply answers with this HTTP status, Content-Type and body.
func HTTPReply(code int, contentType, body string) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // a status without a body takes none
	}
}

// HTTPStatus answers with this HTTP status and a short text.
func HTTPStatus(code int) Step { return HTTPReply(code, "text/plain", http.StatusText(code)+"\n") }

// WithHeader adds a header to step's answer.
func WithHeader(name, value string, step Step) Step {
	return func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
		w.Header().Set(name, value)
		step(w, r, ok)
	}
}

// Hold answers as step does once release is closed or sends.
func Hold(release <-chan struct{}, step Step) Step {
	return func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
		wait(r, release)
		step(w, r, ok)
	}
}

// Hang never answers.
func Hang() Step { return Hold(nil, OK()) }

// Delay answers as step does after d.
func Delay(d time.Duration, step Step) Step {
	return func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
		wait(r, time.After(d))
		step(w, r, ok)
	}
}

// SlowBody sends the headers of step's answer at once and its body after d.
func SlowBody(d time.Duration, step Step) Step {
	return func(w http.ResponseWriter, r *http.Request, ok http.HandlerFunc) {
		answer := httptest.NewRecorder()
		step(answer, r, ok)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_ = http.NewResponseController(w).Flush()
		wait(r, time.After(d))
		_, _ = answer.Body.WriteTo(w)
	}
}

// HangBody sends the headers of an answer and never its body.
func HangBody() Step { return SlowBody(math.MaxInt64, OK()) }

// wait ends the call without an answer if the client or the server closes first.
func wait[T any](r *http.Request, ready <-chan T) {
	select {
	case <-ready:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// CutConnection resets the connection before the answer.
func CutConnection() Step { return cut("") }

// CutInHeaders resets the connection in the middle of the answer's headers.
func CutInHeaders() Step { return cut("HTTP/1.1 200 OK\r\nContent-Type: appl") }

// CutInBody resets the connection after the first bytes of the body.
func CutInBody() Step {
	const start = `{"url":"`
	return cut("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(2*len(start)) + "\r\n\r\n" + start)
}

// cut sends the start of an answer and resets the connection. HTTP/2 has no
// such bytes: there it resets the stream.
func cut(start string) Step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(conn, start)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // RST in place of FIN
		}
		_ = conn.Close()
	}
}
