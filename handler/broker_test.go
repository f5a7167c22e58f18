package handler_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
	"atriptoken/internal/redact"
	"atriptoken/policy"
	"atriptoken/secret"
)

const (
	// clientSecret must not appear in any output.
	clientSecret = "example-secret-MARKED-4f1c"
	requestID    = "c0ffee00-0000-4000-8000-000000000001"
	functionARN  = "arn:aws:lambda:eu-west-1:123456789012:function:atriptoken"
	// panicMessage is the log line of a recovered panic.
	panicMessage = "a request panicked; the process continues"
)

// broker is a Handler with Atlas's simulator behind it and its log.
type broker struct {
	*handler.Handler
	t     testing.TB
	atlas *atlastest.Server
	log   *bytes.Buffer
}

// newBroker returns a broker on policy/default.cedar; options change the
// configuration.
func newBroker(t testing.TB, options ...func(*handler.Config)) *broker {
	t.Helper()
	return newBrokerOn(t, atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret}), options...)
}

// newBrokerOn returns a broker on a running simulator.
func newBrokerOn(t testing.TB, simulator *atlastest.Server, options ...func(*handler.Config)) *broker {
	t.Helper()
	b := &broker{t: t, atlas: simulator, log: &bytes.Buffer{}}
	t.Cleanup(b.atlas.Close)
	config := handler.Config{
		Accounts: map[string]*handler.Account{"default": {
			Atlas: atlasClient(t, b.atlas.URL),
			Secret: &secret.Store{Logger: discard, Fetch: func(context.Context, string) (secret.Credentials, error) {
				return secret.Credentials{
					ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(clientSecret),
					Version: "version-1", Stage: secret.StageCurrent,
				}, nil
			}},
		}},
		Policy:         parsed(t, defaultPolicy(t)),
		Roles:          atlastest.DefaultRoles(),
		NameClaim:      "email",
		GroupsClaim:    "groups",
		AttemptTimeout: 5 * time.Second,
		Function:       "atriptoken",
		Version:        "7",
		Logger:         slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, option := range options {
		option(&config)
	}
	b.Handler = handler.New(config)
	return b
}

var discard = slog.New(slog.DiscardHandler)

func atlasClient(t testing.TB, url string) *atlas.Client {
	t.Helper()
	base, err := atlas.ParseBaseURL(url, true)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := atlas.ParseHosts("atriptech.com")
	if err != nil {
		t.Fatal(err)
	}
	client := &atlas.Client{BaseURL: base, PortalHosts: hosts}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func defaultPolicy(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../policy/default.cedar")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsed(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("test.cedar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func withPolicy(t testing.TB, text string) func(*handler.Config) {
	return func(c *handler.Config) { c.Policy = parsed(t, text) }
}

// call invokes the handler through an alias, or without one if door is "".
func (b *broker) call(door string, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(throughDoor(context.Background(), door), 20*time.Second)
	defer cancel()
	return b.Invoke(ctx, payload)
}

// throughDoor returns the context of an invocation through an alias.
func throughDoor(ctx context.Context, door string) context.Context {
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: requestID, InvokedFunctionArn: strings.TrimSuffix(functionARN+":"+door, ":"),
	})
}

// within invokes the handler with a plain event and a deadline, and fails the
// test if the answer comes after the deadline.
func (b *broker) within(d time.Duration) (code string) {
	b.t.Helper()
	return b.orderWithin(0, d)
}

// orderWithin is within for the given order.
func (b *broker) orderWithin(number int, d time.Duration) (code string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(throughDoor(context.Background(), "service"), d)
	defer cancel()
	_, err := b.Invoke(ctx, []byte(strings.Replace(good, "XPFIW20220209163159425", fmt.Sprintf("X%d", number), 1)))
	if ctx.Err() != nil {
		b.t.Fatal("the answer came after the deadline")
	}
	code, _ = functionError(b.t, err)
	return code
}

// took is within, and returns how long the call took.
func (b *broker) took(d time.Duration) (code string, took time.Duration) {
	b.t.Helper()
	began := time.Now()
	code = b.within(d)
	return code, time.Since(began)
}

func (b *broker) attempts() int { return len(b.atlas.Requests()) }

func attemptTimeout(d time.Duration) func(*handler.Config) {
	return func(c *handler.Config) { c.AttemptTimeout = d }
}

// groupsClaim configures the claim with the groups.
func groupsClaim(name string) func(*handler.Config) {
	return func(c *handler.Config) { c.GroupsClaim = name }
}

// response is an HTTP answer in API Gateway's form.
type response struct {
	StatusCode      int
	Headers         map[string]string
	Body            string
	IsBase64Encoded bool
}

// problem is the body of an HTTP failure.
type problem struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	Errors                              []struct{ Pointer, Detail string }
}

// http sends an HTTP event through the alias api.
func (b *broker) http(payload []byte) response {
	b.t.Helper()
	out, err := b.call("api", payload)
	if err != nil {
		b.t.Fatalf("an HTTP event got a function error: %v", err)
	}
	var r response
	if err := json.Unmarshal(out, &r); err != nil {
		b.t.Fatalf("the answer is not JSON: %v: %s", err, out)
	}
	return r
}

// problem decodes the body.
func (r response) problem(t testing.TB) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		t.Fatalf("HTTP %d, and the body is not JSON: %v: %s", r.StatusCode, err, r.Body)
	}
	return p
}

// code returns a problem's code, or OK.
func (r response) code(t testing.TB) string {
	t.Helper()
	if r.StatusCode == 200 {
		return "OK"
	}
	return r.problem(t).Code
}

// plain sends a plain event through the alias service and returns the answer,
// or the function error's type and message.
func (b *broker) plain(payload string) (out []byte, code, message string) {
	b.t.Helper()
	out, err := b.call("service", []byte(payload))
	code, message = functionError(b.t, err)
	return out, code, message
}

// functionError returns a function error's type and message; a nil error is "OK".
func functionError(t testing.TB, err error) (code, message string) {
	t.Helper()
	if err == nil {
		return "OK", ""
	}
	// aws-lambda-go accepts only this type, by value and unwrapped.
	e, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint
	if !ok {
		t.Fatalf("the function error is a %T; Lambda would report the Go type's name", err)
	}
	return e.Type, e.Message
}

// audit returns the newest audit line.
func (b *broker) audit() map[string]any {
	b.t.Helper()
	lines := b.lines("request")
	return lines[len(lines)-1]
}

// lines returns the log's lines with this message.
func (b *broker) lines(message string) (found []map[string]any) {
	b.t.Helper()
	for line := range strings.Lines(b.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			b.t.Fatalf("a log line is not JSON: %v: %q", err, line)
		}
		if m["msg"] == message {
			found = append(found, m)
		}
	}
	return found
}

type absent = lambdatest.Absent

var sample, body, set = lambdatest.Event, lambdatest.Body, lambdatest.Set

func headerSet(name string, value any) lambdatest.Edit { return set(value, "headers", name) }

func claim(name string, value any) lambdatest.Edit {
	return set(value, "requestContext", "authorizer", "jwt", "claims", name)
}

// good is a valid body that the samples' operator may send.
const good = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Customer service"}`

// quoted returns s as a JSON string.
func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// bearer is an Authorization header with a token of these claims. It is not
// signed: the authorizer has verified the real one.
func bearer(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return "Bearer " + encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}
