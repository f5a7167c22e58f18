package diagnosis

import (
	"context"
	"fmt"

	"atriptoken/atlas"
	"atriptoken/atlas/credentialcheck"
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
	verdict, err := credentialcheck.Ask(ctx, client, atlas.Credentials{ClientID: s.credentials.ClientID, ClientSecret: s.credentials.ClientSecret})
	switch verdict {
	case credentialcheck.Accepted:
		return pass("Atlas takes the credentials: " + verdict.String())
	case credentialcheck.Refused:
		return s.fromHere(fmt.Sprintf("Atlas refuses the credentials: %v", err),
			"make a new client secret in ATRIP and put it in (make secret); with production credentials, ask Atlas for its allow-list of addresses")
	}
	return skip(fmt.Sprintf("Atlas's answer does not tell: %v", err))
}
