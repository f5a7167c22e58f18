// Package probe sends forged requests to a deployed broker and checks that each is rejected. If asked, it also sends valid
// requests and checks that they are answered. It uses nothing of the broker's code; cmd/probe runs it on a schedule.
package probe

import (
	"context"
	"net/http"
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

// body cannot make a link: the broker refuses its empty fields.
const body = `{"orderNo":"","userName":"","role":""}`

// Verdict is the result of a check.
type Verdict string

// The verdicts. Unclear means that the answer shows neither: no connection, throttled, a failure on the way.
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
		closed = append(closed, func() Check { return p.invoke(ctx, forged.name, forged.event) })
	}
	if p.Operator != "" { // that the function refuses the body shows that the gateway accepted the caller and called it
		const want = "HTTP 400 application/problem+json"
		open = append(open, func() Check { return p.post(ctx, "API, as an operator", p.identify).answering(want) })
	}
	const plain = "service, with a plain request"
	switch {
	case p.Link != "":
		open = append(open, func() Check { return p.invoke(ctx, plain, p.Link).answering(gaveLink) })
	case p.URL == "":
		open = append(open, func() Check { return p.invoke(ctx, plain, body).answering(readBody) })
	}
	checks := make([]Check, len(closed)+len(open))
	var running sync.WaitGroup
	for i, check := range append(closed, open...) {
		running.Go(func() { checks[i] = check() })
	}
	running.Wait()
	return Report{checks[:len(closed)], checks[len(closed):]}
}

// answering returns the check of an open entry point: only the expected answer shows that it works.
func (c Check) answering(want string) Check {
	if c.Verdict == LetIn && c.Answer != want {
		c.Verdict = Unclear
	}
	return c
}

// client returns the client for all calls. A redirect is an answer: following one would pass credentials on.
func (p *Probe) client() *http.Client {
	client := p.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}
