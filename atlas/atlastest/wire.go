package atlastest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Delay waits for d and then answers as step does. The wait ends without an
// answer when the client goes away or the server closes.
func Delay(d time.Duration, step Step) Step {
	return Step{fmt.Sprintf("Delay(%v, %s)", d, step), func(x *exchange) {
		pause(x, d)
		step.play(x)
	}}
}

// SlowBody sends the headers of step's answer at once and its body after d.
// It ends early as Delay does. Steps that cut the connection cut it at once.
func SlowBody(d time.Duration, step Step) Step {
	return Step{fmt.Sprintf("SlowBody(%v, %s)", d, step), func(x *exchange) {
		x.beforeBody = func() { pause(x, d) }
		step.play(x)
	}}
}

func pause(x *exchange, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	wait(x, timer.C)
}

// Hold is Delay with a channel for a clock: it answers once release is closed
// or sends, so that a test decides when.
func Hold(release <-chan struct{}, step Step) Step {
	return Step{fmt.Sprintf("Hold(%s)", step), func(x *exchange) {
		wait(x, release)
		step.play(x)
	}}
}

// HoldBody is SlowBody with a channel for a clock, as in Hold.
func HoldBody(release <-chan struct{}, step Step) Step {
	return Step{fmt.Sprintf("HoldBody(%s)", step), func(x *exchange) {
		x.beforeBody = func() { wait(x, release) }
		step.play(x)
	}}
}

// Hang never answers. It ends when the client goes away or the server closes.
func Hang() Step { return Step{"Hang()", Hold(nil, OK()).run} }

// HangBody sends the headers of a success and never the body.
func HangBody() Step { return Step{"HangBody()", HoldBody(nil, OK()).run} }

// CutConnection resets the connection before a byte of the answer.
func CutConnection() Step { return Step{"CutConnection()", reset} }

// CutInHeaders resets the connection in the middle of the answer's headers;
// over HTTP/2 before them.
func CutInHeaders() Step {
	return Step{"CutInHeaders()", func(x *exchange) {
		if c, ok := x.r.Context().Value(connectionKey{}).(connection); ok && x.r.ProtoMajor == 1 {
			// Nothing was written through net/http yet, so the bytes
			// are the first on the connection.
			_, _ = io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Type: appl")
		}
		reset(x)
	}}
}

// CutInBody sends the headers of an answer and the start of its body, then
// resets the connection.
func CutInBody() Step {
	return Step{"CutInBody()", func(x *exchange) {
		x.w.Header().Set("Content-Type", jsonType)
		x.w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(x.w, `{"url":"`)
		x.flush()
		reset(x)
	}}
}

// reset ends the connection with a TCP reset where the server knows it, and
// otherwise, under a Handler served elsewhere, as net/http can.
func reset(x *exchange) {
	if c, ok := x.r.Context().Value(connectionKey{}).(connection); ok {
		abort(c.Conn)
	}
	panic(http.ErrAbortHandler)
}

// abort closes conn so that the peer gets RST, not FIN.
func abort(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}
