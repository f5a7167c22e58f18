// Package probe knocks at the broker's doors from outside, as an attacker would: each closed door must refuse, and the
// open one, when asked, must give a link. It knows nothing of the broker's insides; cmd/probe runs it on a schedule.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// Link is a request for which the service door must give a link.
type Link struct {
	OrderNo  string `json:"orderNo"`
	UserName string `json:"userName"`
	Role     string `json:"role"`
}

// Probe says where the doors are. HTTP's timeout bounds each knock; redirects are not followed.
type Probe struct {
	// URL is the API's route, like https://atrip.example.com/getAtripToken.do.
	URL string
	// Service invokes the function's alias for services.
	Service Invoker
	// Link, when not nil, is asked for at the service door. It makes a real token, which nobody uses.
	Link *Link
	// HTTP makes the calls of the API. Nil means http.DefaultClient.
	HTTP *http.Client
}

// Verdict is what a knock showed.
type Verdict string

// The verdicts. Unclear means that the door could not be tried: no connection, throttled, a failure on the way.
const (
	Refused Verdict = "refused"
	LetIn   Verdict = "let in"
	Unclear Verdict = "unclear"
)

// Knock is one try of one door.
type Knock struct {
	Door    string  `json:"door"`
	Verdict Verdict `json:"verdict"`
	// Answer says what came back, in the probe's own words: never a link, never a body.
	Answer string `json:"answer"`
}

// Report holds the knocks of one run.
type Report struct {
	// Closed are the doors that must refuse.
	Closed []Knock `json:"closed"`
	// Open is the door that must let in, nil when it was not asked for.
	Open *Knock `json:"open,omitempty"`
}

// Run tries every door once, all at the same time.
func (p *Probe) Run(ctx context.Context) Report {
	report := Report{Closed: make([]Knock, len(forgeries)+1)}
	var knocks sync.WaitGroup
	for i, forgery := range forgeries {
		knocks.Go(func() { report.Closed[i] = p.knock(ctx, forgery) })
	}
	knocks.Go(func() { report.Closed[len(forgeries)] = p.forgedEvent(ctx) })
	if p.Link != nil {
		report.Open = new(Knock)
		knocks.Go(func() { *report.Open = p.ask(ctx) })
	}
	knocks.Wait()
	return report
}

// ClosedDoorsOpen returns how many doors let the probe in that had to refuse. ok is false when some door could not be
// tried, so that no number would be true.
func (r Report) ClosedDoorsOpen() (n int, ok bool) {
	ok = true
	for _, knock := range r.Closed {
		switch knock.Verdict {
		case LetIn:
			n++
		case Unclear:
			ok = false
		}
	}
	return n, ok || n > 0
}

// knock sends a request that the API must refuse before the function sees it.
func (p *Probe) knock(ctx context.Context, f forgery) Knock {
	request, err := f.request(ctx, p.URL)
	if err != nil {
		return Knock{f.door, Unclear, "the API's URL cannot be called"}
	}
	client := *p.client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(request)
	if err != nil {
		return Knock{f.door, Unclear, "the API cannot be reached"}
	}
	defer answer.Body.Close()
	return Knock{f.door, judge(answer), fmt.Sprintf("HTTP %d %s", answer.StatusCode, answer.Header.Get("Content-Type"))}
}

// judge tells the API's own refusal, {"message": …}, from an answer of the function: a problem document of any status
// means that a request without identity got through to it.
func judge(answer *http.Response) Verdict {
	status := answer.StatusCode
	switch {
	case answer.Header.Get("Content-Type") == "application/problem+json":
		return LetIn
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Refused
	case status == http.StatusNotFound || status == http.StatusTooManyRequests || status >= 500 || status/100 == 3:
		return Unclear
	default:
		return LetIn
	}
}

// forgedEvent sends an HTTP event with claims of its own choice through the service door, which must take plain requests only.
func (p *Probe) forgedEvent(ctx context.Context) Knock {
	const door = "service, with a forged HTTP event"
	reply, err := p.Service.Invoke(ctx, forgedHTTPEvent)
	if err != nil {
		return Knock{door, Unclear, err.Error()}
	}
	switch code := reply.refusal(); code {
	case "":
		return Knock{door, LetIn, "a reply that is no refusal"}
	case "NotPermitted":
		return Knock{door, Refused, code}
	default:
		return Knock{door, Unclear, code}
	}
}

// ask asks the service door for a link.
func (p *Probe) ask(ctx context.Context) Knock {
	const door = "service, with a plain request"
	reply, err := p.Service.Invoke(ctx, p.Link)
	switch {
	case err != nil:
		return Knock{door, Unclear, err.Error()}
	case reply.refusal() != "":
		return Knock{door, Refused, reply.refusal()}
	case reply.URL == "":
		return Knock{door, Refused, "a reply without a link"}
	default:
		return Knock{door, LetIn, "a link"}
	}
}

func (p *Probe) client() *http.Client {
	if p.HTTP != nil {
		return p.HTTP
	}
	return http.DefaultClient
}

// errInvoke is why the service door could not be tried.
var errInvoke = errors.New("the function cannot be invoked")
