package diagnosis

import (
	"context"
	"errors"
	"fmt"

	"atriptoken/atlas"
)

// atlasCredentials asks Atlas whether it takes the credentials, from here.
func atlasCredentials(ctx context.Context, s *subject) finding {
	switch {
	case s.options.Stack != "" && s.environment == nil:
		return s.needsFunction()
	case s.credentials == nil:
		return skip("there are no credentials to try")
	case s.baseURL == nil || !s.reachable:
		return skip("Atlas does not answer from here")
	}
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	client := &atlas.Client{BaseURL: s.baseURL, Transport: s.transport()}
	err := client.CheckCredentials(ctx, atlas.Credentials{ClientID: s.credentials.ClientID, ClientSecret: s.credentials.ClientSecret})
	switch {
	case err == nil:
		return pass("Atlas takes the credentials: it refused made-up ones, and not these")
	case errors.Is(err, atlas.ErrRefused):
		return s.fromHere(fmt.Sprintf("Atlas refuses the credentials: %v", err),
			"make a new client secret in ATRIP and put it in (make secret); with production credentials, ask Atlas for its allow-list of addresses")
	}
	return skip(fmt.Sprintf("Atlas's answer does not tell: %v", err))
}
