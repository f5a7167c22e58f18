// Package gateway is an Amazon API Gateway HTTP API for one machine: it takes
// real HTTP, checks the bearer token as a JWT authorizer does, invokes a Lambda
// handler with the event that API Gateway would send (payload format 2.0) and
// turns the handler's reply into an HTTP answer.
//
// Facts about API Gateway stand beside the lines that rest on them, with the
// page of the API Gateway developer guide that states them. What the guide
// leaves open and its users report is marked as reported.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

const (
	// MaxBody is the most bytes of a request body that an HTTP API takes (the
	// guide, "Quotas for configuring and running an HTTP API": payload size).
	MaxBody = 10 << 20
	// maxInvocation is the most bytes of an event that Lambda takes when it is
	// invoked synchronously (Lambda developer guide, "Lambda quotas").
	maxInvocation = 6 << 20
	// DefaultIntegrationTimeout is how long an HTTP API waits for its
	// integration, and the most that can be configured (same page).
	DefaultIntegrationTimeout = 30 * time.Second
)

// Route says which requests reach the function and what they have to show.
type Route struct {
	// Key is the route key: "METHOD /path", "ANY /path" or "$default".
	Key string
	// Scopes are the authorization scopes; a token has to hold one of them.
	// Empty: any valid token will do.
	Scopes []string
	// Open switches the authorizer off for this route.
	Open bool
}

// Gateway is an http.Handler. Function and Routes are required; the zero value
// of every other field works.
type Gateway struct {
	// Function is what every route is integrated with.
	Function lambda.Handler
	// FunctionARN is the ARN in the invocation's context; its qualifier is the
	// alias through which the function is invoked.
	FunctionARN string
	// FunctionTimeout is the function's own timeout, from which the deadline in
	// its context is made. Zero: 30 s.
	FunctionTimeout time.Duration
	// IntegrationTimeout is how long the gateway waits for the function.
	// Zero: DefaultIntegrationTimeout.
	IntegrationTimeout time.Duration
	// Routes are matched as API Gateway does: the full match first, then ANY,
	// then $default.
	Routes []Route
	// Authorizer checks bearer tokens. Nil: every route is open.
	Authorizer *Authorizer
	// CORS is the API's CORS configuration; without AllowOrigins there is none.
	CORS CORS
	// Throttle makes the gateway answer 429, as API Gateway does above the
	// stage's rate or the account's.
	Throttle atomic.Bool
	// Access is called once a request, after its answer. Nil: not called.
	Access func(AccessRecord)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// AccessRecord is one line of the gateway's access log.
type AccessRecord struct {
	// RequestID is the gateway's request id, sent as apigw-requestid.
	RequestID string
	Method    string
	Path      string
	Status    int
	// Own is true when the gateway answered by itself, without the function.
	Own bool
	// Reason says why the gateway answered by itself; empty otherwise.
	Reason string
	// Elapsed is the time from the request's arrival to its answer.
	Elapsed time.Duration
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := g.now()
	requestID := newRequestID()
	a := g.answer(r, requestID, start)
	g.CORS.apply(w.Header(), r, a)
	a.write(w, requestID)
	if g.Access != nil {
		g.Access(AccessRecord{
			RequestID: requestID, Method: r.Method, Path: r.URL.Path, Status: a.status,
			Own: a.own, Reason: a.reason, Elapsed: g.now().Sub(start),
		})
	}
}

func (g *Gateway) now() time.Time {
	if g.Now != nil {
		return g.Now()
	}
	return time.Now()
}

// answer runs the steps that API Gateway runs: preflight, route, authorizer,
// integration.
func (g *Gateway) answer(r *http.Request, requestID string, start time.Time) answer {
	route, found := g.match(r.Method, r.URL.Path)
	if g.CORS.preflight(r) && (!found || route.Key == defaultRoute) {
		return answer{status: http.StatusNoContent, own: true, reason: "CORS preflight"}
	}
	if g.Throttle.Load() {
		return ownAnswer(http.StatusTooManyRequests, "Too Many Requests", "throttled")
	}
	if !found {
		return ownAnswer(http.StatusNotFound, "Not Found", "no such route")
	}
	var identity *jwtContext
	if g.Authorizer != nil && !route.Open {
		var refusal *Refusal
		identity, refusal = g.Authorizer.check(r, route.Scopes, start)
		if refusal != nil {
			return refusal.answer()
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return ownAnswer(http.StatusRequestEntityTooLarge, "Request Entity Too Large", "body over 10 MB")
	}
	if err != nil {
		return ownAnswer(http.StatusBadRequest, "Bad Request", "the body could not be read")
	}
	event, err := json.Marshal(newEvent(r, body, route.Key, requestID, identity, start))
	if err != nil {
		return ownAnswer(http.StatusInternalServerError, internalMessage, fmt.Sprintf("event: %v", err))
	}
	if len(event) > maxInvocation {
		return ownAnswer(http.StatusRequestEntityTooLarge, "Request Entity Too Large", "event over Lambda's 6 MB")
	}
	return g.invoke(r.Context(), event)
}

// invocation is what the function gave back.
type invocation struct {
	reply []byte
	err   error
}

// invoke runs the function until it answers, its own timeout ends it or the
// gateway stops waiting. A function that outlives its deadline is left alone:
// Lambda would end its process, which is ours here.
func (g *Gateway) invoke(ctx context.Context, event []byte) answer {
	deadline := time.Now().Add(orDefault(g.FunctionTimeout, DefaultIntegrationTimeout))
	// A caller who goes away does not end a Lambda invocation.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       newUUID(),
		InvokedFunctionArn: g.FunctionARN,
	})
	done := make(chan invocation, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- invocation{err: fmt.Errorf("the function panicked: %v", p)}
			}
		}()
		reply, err := g.Function.Invoke(ctx, event)
		done <- invocation{reply: reply, err: err}
	}()
	patience := time.NewTimer(orDefault(g.IntegrationTimeout, DefaultIntegrationTimeout))
	defer patience.Stop()
	select {
	case result := <-done:
		if result.err != nil {
			return functionFailed(result.err.Error())
		}
		return fromReply(result.reply)
	case <-patience.C:
		// The guide's quotas page: an HTTP API ends an integration at 30 s;
		// clients then see 503 Service Unavailable (reported by its users; REST APIs say 504).
		return ownAnswer(http.StatusServiceUnavailable, "Service Unavailable", "the integration timeout passed")
	case <-ctx.Done():
		// Lambda reports its own timeout as a function error.
		return functionFailed("the function's timeout passed")
	}
}

func functionFailed(reason string) answer {
	return ownAnswer(http.StatusInternalServerError, internalMessage, reason)
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// newRequestID makes an id of the shape that API Gateway gives its HTTP APIs.
func newRequestID() string {
	b := make([]byte, 11)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.URLEncoding.EncodeToString(b)
}

// newUUID makes the id of an invocation, as Lambda does: a UUID version 4.
func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
