// Package credentialcheck asks Atlas whether it takes a pair of credentials, without
// asking for a link for anybody.
//
// Atlas publishes no call for that. The one call there is, getAtripToken.do, is
// made with an empty order, operator and role: nothing that a link could be
// minted for. Status 3, 900 and 902 and HTTP 401 and 403 refuse the
// credentials. Any other status of Atlas's own may mean that the credentials
// passed and the empty order did not, or that Atlas looks at the order first.
// A control tells the two apart: the same call with credentials made up on the
// spot. When Atlas refuses those, it had taken the others.
package credentialcheck

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"atriptoken/atlas"
	"atriptoken/internal/redact"
)

// Verdict is what the question came to.
type Verdict int

// The verdicts.
const (
	// Unknown: Atlas did not answer, or answered in a way that tells nothing.
	Unknown Verdict = iota
	// Accepted: Atlas takes the credentials.
	Accepted
	// Refused: it does not.
	Refused
)

// String returns the verdict in a few words.
func (v Verdict) String() string {
	switch v {
	case Accepted:
		return "it refused made-up ones beside them, and not these"
	case Refused:
		return "it refused them"
	}
	return "its answer does not tell"
}

// Ask asks Atlas about the pair, in at most two calls. The error says
// what Atlas answered and is nil when the verdict is Accepted; it never holds
// the credentials. The made-up credentials have a client id of their own, so
// that no failed attempt counts against the real one.
func Ask(ctx context.Context, client *atlas.Client, pair atlas.Credentials) (Verdict, error) {
	err := call(ctx, client, pair)
	if errors.Is(err, atlas.ErrRefused) {
		return Refused, err
	}
	if !judged(err) {
		return Unknown, err
	}
	control := atlas.Credentials{ClientID: "credential-check-" + rand.Text(), ClientSecret: redact.New(rand.Text())}
	switch controlErr := call(ctx, client, control); {
	case errors.Is(controlErr, atlas.ErrRefused):
		return Accepted, nil
	case judged(controlErr):
		return Unknown, fmt.Errorf("Atlas answers made-up credentials alike, so that it does not tell: %w", errOrMinted(err))
	default:
		return Unknown, controlErr
	}
}

// call makes the call. A link, if Atlas should mint one after all, is dropped.
func call(ctx context.Context, client *atlas.Client, pair atlas.Credentials) error {
	_, err := client.GetToken(ctx, pair, atlas.Request{})
	return err
}

// judged reports whether Atlas answered with a status of its own other than
// the limiter's: it has looked at the request.
func judged(err error) bool {
	if err == nil {
		return true
	}
	var e *atlas.Error
	return errors.As(err, &e) && e.Status != nil && !errors.Is(err, atlas.ErrRateLimited)
}

var errMinted = errors.New("Atlas reports success for an empty order")

func errOrMinted(err error) error {
	if err == nil {
		return errMinted
	}
	return err
}
