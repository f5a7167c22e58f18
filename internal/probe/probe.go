// Package probe sends forged requests to a deployed broker and checks that each is rejected. If asked, it also sends a
// valid request and checks that a link comes back. It uses nothing of the broker's code; cmd/probe runs it on a schedule.
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
	// URL is the API's route, like https://atrip.example.com/getAtripToken.do.
	URL string
	// ServiceARN is the function's ARN with the alias for services.
	ServiceARN string
	// AWS holds the Region, the credentials and, for tests, another endpoint of Lambda.
	AWS aws.Config
	// Link, if not "", is a plain request in JSON, which must get a link through the alias for services. The link is dropped.
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
	// Open is the request that must get a link, nil when there was none.
	Open *Check `json:"open,omitempty"`
}

// Run makes every check once, all at the same time.
func (p *Probe) Run(ctx context.Context) Report {
	forgeries := append(WithoutIdentity(), ForgedTokens("", "")...)
	report := Report{Closed: make([]Check, len(forgeries)+len(forgedEvents))}
	var checks sync.WaitGroup
	for i, forgery := range forgeries {
		checks.Go(func() { report.Closed[i] = p.Send(ctx, forgery) })
	}
	for i, forged := range forgedEvents {
		checks.Go(func() { report.Closed[len(forgeries)+i] = p.sendEvent(ctx, forged.name, forged.event) })
	}
	if p.Link != "" {
		report.Open = new(Check)
		checks.Go(func() { *report.Open = p.requestLink(ctx) })
	}
	checks.Wait()
	return report
}

// Send sends a forged request to the API, which must refuse it before the function sees it.
func (p *Probe) Send(ctx context.Context, f Forgery) Check {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(body))
	if err != nil {
		return Check{f.Name, Unclear, "the API's URL is not valid"}
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range f.Header {
		request.Header.Set(name, value)
	}
	response, err := p.do(request)
	if err != nil {
		return Check{f.Name, Unclear, "the API cannot be reached"}
	}
	defer response.Body.Close()
	return Check{f.Name, verdict(response), fmt.Sprintf("HTTP %d %s", response.StatusCode, response.Header.Get("Content-Type"))}
}

// verdict tells API Gateway's own refusal, {"message": …}, from an answer of the function: a problem document of any
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

// sendEvent sends an HTTP event through the alias for services, which must accept plain requests only. Behind an open alias
// the function finds the fault in the body.
func (p *Probe) sendEvent(ctx context.Context, name, event string) Check {
	reply, err := p.invoke(ctx, event)
	switch code := reply.refusal(); {
	case err != nil:
		return Check{name, Unclear, err.Error()}
	case code == "NotPermitted":
		return Check{name, Refused, code}
	case code == "" || code == "InvalidRequest":
		return Check{name, LetIn, "the function looked at the body"}
	default:
		return Check{name, Unclear, code}
	}
}

// requestLink requests a link through the alias for services.
func (p *Probe) requestLink(ctx context.Context) Check {
	const name = "service, with a plain request"
	reply, err := p.invoke(ctx, p.Link)
	switch {
	case err != nil:
		return Check{name, Unclear, err.Error()}
	case reply.URL == "":
		return Check{name, Refused, cmp.Or(reply.refusal(), "a reply without a link")}
	}
	return Check{name, LetIn, "a link"}
}

// do makes a request. A redirect is an answer: following one would pass credentials on.
func (p *Probe) do(request *http.Request) (*http.Response, error) {
	client := p.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client.Do(request)
}
