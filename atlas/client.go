// Package atlas calls Atlas's getAtripToken.do, which signs an operator in to
// ATRIP, and classifies each failure as a typed error.
//
// Facts about Atlas are from its OpenAPI document (getAtripToken.do) and, for
// the other statuses and the rate limiter's body, from its other APIs.
package atlas

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"atriptoken/internal/redact"
)

// Path is the call's path under the base URL.
const Path = "getAtripToken.do"

// MaxReply is the largest accepted reply in bytes, after decompression. A real
// one is below 1 KiB.
const MaxReply = 64 << 10

// Credentials identify a travel agency's account to Atlas.
type Credentials struct {
	// ClientID is the x-atlas-client-id header. It is not secret.
	ClientID string
	// ClientSecret is the x-atlas-client-secret header.
	ClientSecret redact.String
}

// Request names the operator to sign in. Atlas requires all three.
type Request struct {
	// OrderNo is the order to open: a ticketing order or an add-bags order.
	OrderNo string `json:"orderNo"`
	// UserName is the operator's name in the agency's own system. Atlas logs
	// the operator's actions under it.
	UserName string `json:"userName"`
	// Role is the operator's role in ATRIP, one of the account's roles.
	Role string `json:"role"`
}

// Reply is a successful answer, as Atlas sent it.
type Reply struct {
	// URL signs in the person who opens it.
	URL redact.String
	// Status is 0.
	Status int
	// Msg is Atlas's free text, nil if it was null or absent. Do not parse it.
	Msg *string
}

// Client calls getAtripToken.do of one Atlas account. BaseURL and PortalHosts
// are required. A Client is safe for use by several goroutines and must not be
// copied after its first call.
type Client struct {
	// BaseURL is the URL that getAtripToken.do is below, from ParseBaseURL.
	BaseURL *url.URL
	// PortalHosts are the hosts that a returned url may have, from ParseHosts.
	// If BaseURL is http, its own host is allowed too.
	PortalHosts Hosts
	// Transport sends the requests. Nil means one from NewTransport that clients
	// share. Redirects are not followed: net/http would send the secret's header to
	// the other host.
	Transport *http.Transport
	// Now returns the wall clock's time. Nil means time.Now.
	Now func() time.Time

	ahead   atomic.Pointer[http.ClientConn] // opened by Connect
	lastUse atomic.Int64                    // of any connection, in Unix nanoseconds
}

// GetToken calls Atlas once and returns its answer or an *Error. Its time is
// bounded by ctx only.
//
// If a connection turns out to be dead before a reply, the request is sent a
// second time: Atlas then creates another token, and the first one is not used.
func (c *Client) GetToken(ctx context.Context, credentials Credentials, request Request) (Reply, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return Reply{}, &Error{Kind: ErrMalformed, Detail: "the request is not valid UTF-8", cause: err}
	}
	httpRequest, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL.JoinPath(Path).String(), bytes.NewReader(body))
	// Atlas requires Accept-Encoding. The transport sets it: if it were set
	// here, the transport would not decompress the reply.
	httpRequest.Header = http.Header{
		"Accept":                {"application/json"},
		"Content-Type":          {"application/json"},
		"X-Atlas-Client-Id":     {credentials.ClientID},
		"X-Atlas-Client-Secret": {credentials.ClientSecret.Reveal()},
	}
	response, err := c.roundTrip(ctx, httpRequest)
	if err != nil {
		return Reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxReply+1))
	if err != nil {
		return Reply{}, noReply(ctx, err, true, response.StatusCode)
	}
	return c.classify(response, text)
}
