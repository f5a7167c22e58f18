package main

import (
	"context"
	"crypto/rand"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/cmd/local/internal/console"
	"atriptoken/cmd/local/internal/gateway"
	"atriptoken/secret/secrettest"
)

// nobody is an address at which nobody listens: port 1 is TCPMUX's, which no
// machine has served for decades.
const nobody = "http://127.0.0.1:1"

// switchboard holds the parts that can be broken.
type switchboard struct {
	atlas    *atlastest.Server
	secrets  *secrettest.Server
	function *runner
	api      *gateway.Gateway
}

// faults are the console's switches. Each first mends what another one broke.
func (s *switchboard) faults() []console.Fault {
	mend := func(ctx context.Context) error {
		s.atlas.Clear()
		s.secrets.Clear()
		s.function.broken.Store(false)
		s.api.Throttle.Store(false)
		return s.function.coldStart(ctx, s.atlas.URL)
	}
	does := func(what func()) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := mend(ctx); err != nil {
				return err
			}
			what()
			return nil
		}
	}
	atlas := func(step atlastest.Step) func(context.Context) error {
		return does(func() { s.atlas.Always(step) })
	}
	return []console.Fault{
		{ID: "none", Part: "none", Name: "All is well", Answer: "200, the portal opens", On: mend},
		{ID: "atlas-system-error", Part: "atlas", Name: "System error (status 2)", Answer: "502 AtlasFailed, after one retry", On: atlas(atlastest.SystemError())},
		{ID: "atlas-unauthorized", Part: "atlas", Name: "Refuses the credentials (status 3)", Answer: "502 AtlasRefused", On: atlas(atlastest.Unauthorized())},
		{ID: "atlas-rate-limited", Part: "atlas", Name: "Limits the rate", Answer: "429 AtlasRateLimited with Retry-After: 5", On: atlas(atlastest.RateLimited(5, 200))},
		{ID: "atlas-slow", Part: "atlas", Name: "Takes 3 seconds", Answer: "200, late", On: atlas(atlastest.Delay(3*time.Second, atlastest.OK()))},
		{ID: "atlas-hang", Part: "atlas", Name: "Does not answer", Answer: "504 AtlasTimeout, once the attempts' time is up", On: atlas(atlastest.Hang())},
		{ID: "atlas-garbage", Part: "atlas", Name: "Answers garbage", Answer: "502 AtlasFailed", On: atlas(atlastest.Garbage())},
		{ID: "atlas-cut", Part: "atlas", Name: "Cuts the connection", Answer: "502 AtlasFailed, after one retry", On: atlas(atlastest.CutConnection())},
		{ID: "atlas-down", Part: "atlas", Name: "Cannot be reached", Answer: "503 AtlasUnavailable with Retry-After", On: func(ctx context.Context) error {
			if err := mend(ctx); err != nil {
				return err
			}
			return s.function.coldStart(ctx, nobody)
		}},
		{ID: "atlas-redirect", Part: "atlas", Name: "Redirects elsewhere", Answer: "502 AtlasFailed: redirects are not followed", On: atlas(atlastest.Redirect("https://example.com/"))},
		{ID: "atlas-bad-url", Part: "atlas", Name: "Returns a link to another host", Answer: "502 AtlasFailed: the link is not handed on", On: atlas(atlastest.BadURL("https://portal.example.com/?token=example"))},
		{ID: "secret-rotated", Part: "secret", Name: "The secret was rotated", Answer: "200: refused once, fetched again, repeated", On: func(ctx context.Context) error {
			err := mend(ctx)
			s.rotate()
			return err
		}},
		{ID: "secret-denied", Part: "secret", Name: "Denies the secret at a cold start", Answer: "503 SecretUnavailable with Retry-After", On: func(ctx context.Context) error {
			if err := mend(ctx); err != nil {
				return err
			}
			s.secrets.Always(secrettest.AccessDenied())
			return s.function.coldStart(ctx, s.atlas.URL)
		}},
		{ID: "gateway-throttled", Part: "gateway", Name: "Throttles", Answer: `429 {"message":"Too Many Requests"}, by the gateway`, On: does(func() { s.api.Throttle.Store(true) })},
		{ID: "function-failed", Part: "gateway", Name: "The function's process dies", Answer: `500 {"message":"Internal Server Error"}, by the gateway`, On: does(func() { s.function.broken.Store(true) })},
		{ID: "sign-in-expired", Part: "token", Name: "The sign-in has expired", Answer: `401 {"message":"Unauthorized"}, by the gateway`, On: mend},
	}
}

// rotate does what a person does in the portal and in Secrets Manager: Atlas
// takes a new secret and no longer the old one, and the new one becomes the
// secret's current version. The function has to notice by itself.
func (s *switchboard) rotate() {
	fresh := rand.Text()
	s.atlas.SetCredentials(atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: fresh})
	s.secrets.Put(`{"clientId":"` + atlastest.DefaultClientID + `","clientSecret":"` + fresh + `"}`)
}
