// Package atlas calls Atlas's getAtripToken.do, the one call that signs an
// operator in to ATRIP, and says in typed errors what came of it.
//
// Facts about Atlas are from its published OpenAPI document (getAtripToken.do)
// and, for the other statuses and the limiter's body, from the behaviour of
// its other APIs.
package atlas

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"

	"github.com/go-json-experiment/json"

	"atriptoken/internal/redact"
)

// Path is the call's path under the base URL.
const Path = "getAtripToken.do"

// MaxReply is the most that is read of a reply, in bytes, after decompression.
// A real one is below 1 KiB.
const MaxReply = 64 << 10

// Credentials are what Atlas knows a travel agency's account by.
type Credentials struct {
	// ClientID goes into the x-atlas-client-id header. It is not secret.
	ClientID string
	// ClientSecret goes into the x-atlas-client-secret header.
	ClientSecret redact.String
}

// Request says who is to be signed in. All three are required by Atlas.
type Request struct {
	// OrderNo is the order to open: a ticketing order or an add-bags order.
	OrderNo string `json:"orderNo"`
	// UserName is the operator's name in the agency's own system; Atlas tracks
	// the operator's actions under it.
	UserName string `json:"userName"`
	// Role is the operator's role in ATRIP, one of those that the account has.
	Role string `json:"role"`
}

// Reply is a successful answer, as Atlas sent it.
type Reply struct {
	// URL signs the operator in to whoever opens it.
	URL redact.String
	// Status is 0.
	Status int
	// Msg is Atlas's description; nil when it was null or absent. It is for
	// people and never decides anything.
	Msg *string
}

// Client calls one Atlas account's getAtripToken.do. BaseURL and PortalHosts
// are required; a Client is safe for use by several goroutines and must not be
// copied after its first call.
type Client struct {
	// BaseURL is where getAtripToken.do lives, from ParseBaseURL.
	BaseURL *url.URL
	// PortalHosts are the hosts that a returned url may have, from ParseHosts.
	// When BaseURL is http, its own host is allowed too.
	PortalHosts Hosts
	// Transport carries the calls; nil means NewTransport(). The client asks
	// it for one round trip at a time and so never follows a redirect: net/http
	// would copy the secret's header to whatever host a redirect names.
	Transport *http.Transport

	once      sync.Once
	transport *http.Transport
	endpoint  *url.URL
	ahead     ahead
}

func (c *Client) init() {
	c.once.Do(func() {
		if c.transport = c.Transport; c.transport == nil {
			c.transport = NewTransport()
		}
		c.endpoint = c.BaseURL.JoinPath(Path)
		c.ahead.transport = c.transport.Clone()
		c.ahead.transport.MaxConnsPerHost = 0
		c.ahead.lastUse.Store(wallClock())
	})
}

// GetToken makes one attempt at the call and returns Atlas's answer, or an
// *Error. It reads at most MaxReply bytes of it. How long it may take is ctx's
// to say.
//
// A connection that turns out to be dead before any of the reply has come
// costs a second sending of the request, not an error: Atlas mints another
// token, and the first one is never used.
func (c *Client) GetToken(ctx context.Context, credentials Credentials, request Request) (Reply, error) {
	c.init()
	body, err := json.Marshal(request)
	if err != nil {
		return Reply{}, &Error{Kind: ErrMalformed, Detail: "the request cannot be encoded", cause: err}
	}
	var sent progress
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			sent.connected.Store(true)
			sent.reused.Store(info.Reused)
		},
	})
	httpRequest, err := http.NewRequestWithContext(traced, http.MethodPost, c.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return Reply{}, &Error{Kind: ErrUnreachable, Detail: "the request cannot be made", cause: err}
	}
	// Accept-Encoding is required by Atlas and left to the transport: set by
	// hand it would turn off the transport's own decompression.
	httpRequest.Header = http.Header{
		"Accept":                {"application/json"},
		"Content-Type":          {"application/json"},
		"X-Atlas-Client-Id":     {credentials.ClientID},
		"X-Atlas-Client-Secret": {credentials.ClientSecret.Reveal()},
	}
	response, err := c.roundTrip(httpRequest, &sent)
	if err != nil {
		return Reply{}, transportError(ctx, err, sent.connected.Load())
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxReply+1))
	if err != nil {
		return Reply{}, bodyError(ctx, err, response.StatusCode)
	}
	return c.classify(response, text)
}
