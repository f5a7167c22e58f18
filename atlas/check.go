package atlas

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"atriptoken/internal/redact"
)

// CheckCredentials asks Atlas whether it accepts the credentials, without a
// link for anyone. Nil means yes, an error that matches ErrRefused means no,
// and every other error means that Atlas's answer does not show it.
//
// Atlas has no call for this, so getAtripToken.do is called with an empty order,
// operator and role. A status that is no refusal can mean that Atlas checks the
// order before the credentials. A second call, with made-up credentials, shows
// which: if Atlas refuses those, it has accepted the others. They have their own
// client id, so that the failed call does not count against the real one.
func (c *Client) CheckCredentials(ctx context.Context, credentials Credentials) error {
	ask := func(credentials Credentials) (answered bool, err error) {
		_, err = c.GetToken(ctx, credentials, Request{})
		if err == nil {
			return true, errors.New("Atlas reports success for an empty order")
		}
		e, _ := errors.AsType[*Error](err)
		return e.Status != nil && e.Kind != ErrRefused && e.Kind != ErrRateLimited, err
	}
	answered, err := ask(credentials)
	if !answered {
		return err
	}
	madeUp := Credentials{ClientID: "credential-check-" + rand.Text(), ClientSecret: redact.New(rand.Text())}
	answered, controlErr := ask(madeUp)
	switch {
	case errors.Is(controlErr, ErrRefused):
		return nil
	case answered:
		return fmt.Errorf("Atlas answers made-up credentials in the same way: %w", err)
	default:
		return controlErr
	}
}
