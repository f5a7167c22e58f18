// Package gateway is an Amazon API Gateway HTTP API with one route, for one
// machine. It takes real HTTP, checks the bearer token as a JWT authorizer does,
// invokes a function with the event that API Gateway would send (payload format
// 2.0), and turns the function's reply into an HTTP answer.
//
// Facts about API Gateway are noted next to the lines that depend on them, with
// the page of the API Gateway developer guide ("the guide") that states them.
// What the guide leaves open and its users report is marked as reported.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	smithyrand "github.com/aws/smithy-go/rand"
)

// maxEvent is the largest event of a synchronous invocation (the Lambda developer
// guide, "Lambda quotas"). An HTTP API's own limit of 10 MB is above it.
const maxEvent = 6 << 20

// Gateway is an http.Handler.
type Gateway struct {
	// Path is the route's path; its method is POST.
	Path string
	// Invoke runs the function.
	Invoke func(ctx context.Context, event []byte) ([]byte, error)
	// FunctionARN is the ARN in the invocation's context, with the alias.
	FunctionARN string
	// FunctionTimeout is the function's own timeout, which sets its deadline.
	FunctionTimeout time.Duration
	// Authorizer checks bearer tokens. Nil: the route is open.
	Authorizer *Authorizer
	// Origins are the origins whose pages may call the route.
	Origins []string
	// Throttle makes the gateway answer 429, as above the stage's rate.
	Throttle atomic.Bool
	// Log gets a line for each answer that is not the function's.
	Log *slog.Logger
}

// answer is an HTTP answer before it is written. reason is empty if the function
// replied.
type answer struct {
	status int
	header http.Header
	body   []byte
	reason string
}

// failure is one of API Gateway's own errors: {"message": …}.
func failure(status int, reason string) *answer {
	body := `{"message":"` + http.StatusText(status) + `"}`
	return &answer{status, http.Header{"Content-Type": {"application/json"}}, []byte(body), reason}
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := rand.Text()[:16]
	a := g.answer(r, requestID)
	g.cors(a.header, r)
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Apigw-Requestid", requestID)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
	if a.reason != "" {
		g.Log.Info("answered by the gateway", "gatewayRequestId", requestID,
			"method", r.Method, "path", r.URL.Path, "status", a.status, "reason", a.reason)
	}
}

// answer returns the function's answer to a good request.
func (g *Gateway) answer(r *http.Request, requestID string) *answer {
	switch {
	case preflight(r):
		return &answer{http.StatusNoContent, http.Header{}, nil, "CORS preflight"}
	case g.Throttle.Load():
		return failure(http.StatusTooManyRequests, "throttled")
	case r.Method != http.MethodPost || r.URL.Path != g.Path:
		return failure(http.StatusNotFound, "no such route")
	}
	jwt, refusal := g.Authorizer.check(r)
	if refusal != nil {
		return refusal
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
	if err != nil {
		return failure(http.StatusBadRequest, "the body could not be read")
	}
	event, err := json.Marshal(newEvent(r, body, requestID, jwt))
	if err != nil {
		return failure(http.StatusInternalServerError, "event: "+err.Error())
	}
	if len(event) > maxEvent {
		return failure(http.StatusRequestEntityTooLarge, "event over Lambda's 6 MB")
	}
	invocationID, _ := smithyrand.NewUUID(rand.Reader).GetUUID() // never fails
	// An invocation goes on when its caller leaves. The function ends by itself before its timeout.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.FunctionTimeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: invocationID, InvokedFunctionArn: g.FunctionARN})
	reply, err := g.Invoke(ctx, event)
	if err != nil {
		return failure(http.StatusInternalServerError, err.Error())
	}
	// The guide, "Create AWS Lambda proxy integrations for HTTP APIs", response for
	// format 2.0. The function sends no cookies and no base64.
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(reply, &response); err != nil {
		return failure(http.StatusInternalServerError, "the function's reply: "+err.Error())
	}
	a := &answer{response.StatusCode, http.Header{}, []byte(response.Body), ""}
	for name, value := range response.Headers {
		a.header.Set(name, value)
	}
	return a
}

// preflight reports whether r is one: OPTIONS with both of its headers.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// cors sets the CORS headers of an answer as template.yaml configures them (the
// guide, "Configure CORS for HTTP APIs in API Gateway"). The gateway's own errors
// get them, too; the guide promises them for the function's replies only, so a
// page must not depend on reading such an error.
func (g *Gateway) cors(h http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if !slices.Contains(g.Origins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if !preflight(r) {
		h.Set("Access-Control-Expose-Headers", "apigw-requestid,retry-after")
		return
	}
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "authorization,content-type,x-atrip-account")
	h.Set("Access-Control-Max-Age", "600")
}
