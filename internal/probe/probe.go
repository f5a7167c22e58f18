// Package probe sends forged requests to a deployed broker and checks that each is rejected. If asked, it also sends valid
// requests and checks that they are answered. It uses nothing of the broker's code; cmd/probe runs it on a schedule.
package probe

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Probe says where the broker is.
type Probe struct {
	// URL is the API's route, like https://atrip.example.com/getAtripToken.do. "" leaves the API out.
	URL string
	// FunctionARN is the function's ARN with the alias for services, or with a version that gets no traffic yet.
	FunctionARN string
	// AWS holds the Region, the credentials and, for tests, another endpoint.
	AWS aws.Config
	// Operator, if not "", says how to go through the API as a permitted caller: IAM, or the ARN of a secret (see token).
	Operator string
	// Link, if not "", is a plain request in JSON, which must get a link from the function. The link is dropped.
	Link string
	// HTTP makes all calls; its timeout bounds each. Redirects are never followed.
	HTTP http.Client
}

// Verdict is the result of a check.
type Verdict string

// The verdicts. Unclear means that the check could not be made: no connection, throttled, a failure on the way.
const (
	Refused Verdict = "refused"
	LetIn   Verdict = "let in"
	Unclear Verdict = "unclear"
)

// Check is one request and how it was answered.
type Check struct {
	// Name says which entry point got which request.
	Name    string  `json:"door"`
	Verdict Verdict `json:"verdict"`
	// Answer describes the answer in the probe's own words; it never holds a link or a body.
	Answer string `json:"answer"`
}

// Report holds the checks of one run.
type Report struct {
	// Closed are the requests that must be refused.
	Closed []Check `json:"closed"`
	// Open are the requests that must be let in.
	Open []Check `json:"open,omitempty"`
}

// Passed reports whether every check had the required result.
func (r Report) Passed() bool {
	return number(r.Closed, Refused) == len(r.Closed) && number(r.Open, LetIn) == len(r.Open)
}

func number(checks []Check, verdict Verdict) (n int) {
	for _, check := range checks {
		if check.Verdict == verdict {
			n++
		}
	}
	return n
}

// Run makes every check once, all at the same time. Of a function without an API it also checks that it answers.
func (p *Probe) Run(ctx context.Context) Report {
	var closed, open []func() Check
	if p.URL != "" {
		for _, forgery := range append(WithoutIdentity(), ForgedTokens("", "")...) {
			closed = append(closed, func() Check { return p.Send(ctx, forgery) })
		}
	}
	for _, forged := range forgedEvents {
		closed = append(closed, func() Check { return p.sendEvent(ctx, forged.name, forged.event) })
	}
	if p.Operator != "" {
		open = append(open, func() Check { return p.operator(ctx) })
	}
	if p.Link != "" || p.URL == "" {
		open = append(open, func() Check { return p.plain(ctx) })
	}
	report := Report{Closed: make([]Check, len(closed)), Open: make([]Check, len(open))}
	var running sync.WaitGroup
	for i, check := range closed {
		running.Go(func() { report.Closed[i] = check() })
	}
	for i, check := range open {
		running.Go(func() { report.Open[i] = check() })
	}
	running.Wait()
	return report
}

// Send sends a forged request to the API, which must refuse it before the function sees it.
func (p *Probe) Send(ctx context.Context, f Forgery) Check {
	return p.post(ctx, f.Name, func(request *http.Request) error {
		for name, value := range f.Header {
			request.Header.Set(name, value)
		}
		return nil
	})
}

// post sends the API a request that cannot make a link, with the identity that identify gives it.
func (p *Probe) post(ctx context.Context, name string, identify func(*http.Request) error) Check {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(body))
	if err != nil {
		return Check{name, Unclear, "the API's URL is not valid"}
	}
	request.Header.Set("Content-Type", "application/json")
	if err := identify(request); err != nil {
		return Check{name, Unclear, err.Error()}
	}
	client := p.client()
	response, err := client.Do(request)
	if err != nil {
		return Check{name, Unclear, "the API cannot be reached"}
	}
	defer response.Body.Close()
	return Check{name, verdict(response), fmt.Sprintf("HTTP %d %s", response.StatusCode, response.Header.Get("Content-Type"))}
}

// client returns the client for all calls. A redirect is an answer: following one would pass credentials on.
func (p *Probe) client() *http.Client {
	client := p.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// verdict separates API Gateway's own refusal, {"message": …}, from an answer of the function: a problem document of any
// status means that the request reached it.
func verdict(response *http.Response) Verdict {
	status := response.StatusCode
	switch {
	case response.Header.Get("Content-Type") == "application/problem+json":
		return LetIn
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Refused
	case status == http.StatusNotFound || status == http.StatusTooManyRequests || status >= 500 || status/100 == 3:
		return Unclear
	}
	return LetIn
}

// sendEvent sends an HTTP event to the function, which must accept plain requests only. Behind an open alias the function
// finds the fault in the body.
func (p *Probe) sendEvent(ctx context.Context, name, event string) Check {
	reply, err := p.invoke(ctx, event)
	switch code := reply.refusal(); {
	case err != nil:
		return Check{name, Unclear, err.Error()}
	case code == "NotPermitted":
		return Check{name, Refused, code}
	case code == "" || code == badBody:
		return Check{name, LetIn, readBody}
	default:
		return Check{name, Unclear, code}
	}
}

// badBody is the function's answer to body: it has accepted the caller.
const badBody, readBody = "InvalidRequest", "the function looked at the body"

// plain sends the function a plain request: for a link, or one whose body it must refuse.
func (p *Probe) plain(ctx context.Context) Check {
	const name = "service, with a plain request"
	reply, err := p.invoke(ctx, cmp.Or(p.Link, body))
	switch code := reply.refusal(); {
	case err != nil:
		return Check{name, Unclear, err.Error()}
	case reply.URL != "":
		return Check{name, LetIn, "a link"}
	case p.Link == "" && code == badBody:
		return Check{name, LetIn, readBody}
	default:
		return Check{name, Refused, cmp.Or(code, "a reply without a link")}
	}
}
