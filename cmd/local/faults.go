package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

// unreachable is an address with no listener: port 1 is TCPMUX's, which no
// machine serves.
const unreachable = "http://127.0.0.1:1"

// fault is one thing that can go wrong, and what callers are then answered.
type fault struct {
	ID string `json:"id"`
	// Part is what breaks: none, atlas, secret, gateway or token.
	Part   string `json:"part"`
	Name   string `json:"name"`
	Answer string `json:"answer"`
	// do breaks a system that works. Nil: nothing to do.
	do func(context.Context, *system) error
}

// always is a fault of Atlas alone.
func always(step atlastest.Step) func(context.Context, *system) error {
	return func(_ context.Context, s *system) error {
		s.atlas.Always(step)
		return nil
	}
}

var faults = []fault{
	{"none", "none", "All is well", "200, the portal opens", nil},
	{"atlas-system-error", "atlas", "System error (status 2)", "502 AtlasFailed, after one retry", always(atlastest.SystemError())},
	{"atlas-unauthorized", "atlas", "Refuses the credentials (status 3)", "502 AtlasRefused", always(atlastest.Unauthorized())},
	{"atlas-rate-limited", "atlas", "Limits the rate", "429 AtlasRateLimited with Retry-After: 5", always(atlastest.RateLimited(5, 200))},
	{"atlas-slow", "atlas", "Takes 3 seconds", "200, late", always(atlastest.Delay(3*time.Second, atlastest.OK()))},
	{"atlas-hang", "atlas", "Does not answer", "504 AtlasTimeout, once the attempts' time is up", always(atlastest.Hang())},
	{"atlas-garbage", "atlas", "Answers garbage", "502 AtlasFailed", always(atlastest.Garbage())},
	{"atlas-cut", "atlas", "Cuts the connection", "502 AtlasFailed, after one retry", always(atlastest.CutConnection())},
	{"atlas-down", "atlas", "Cannot be reached", "503 AtlasUnavailable with Retry-After",
		func(ctx context.Context, s *system) error { return s.coldStart(ctx, unreachable) }},
	{"atlas-redirect", "atlas", "Redirects elsewhere", "502 AtlasFailed: redirects are not followed",
		always(atlastest.Redirect("https://example.com/"))},
	{"atlas-bad-url", "atlas", "Returns a link to another host", "502 AtlasFailed: the link is not passed on",
		always(atlastest.BadURL("https://portal.example.com/?token=example"))},
	{"secret-rotated", "secret", "The secret was rotated", "200: refused once, fetched again, repeated", rotate},
	{"secret-denied", "secret", "Denies the secret at a cold start", "503 SecretUnavailable with Retry-After",
		func(ctx context.Context, s *system) error {
			s.secrets.Always(secrettest.AccessDenied())
			return s.coldStart(ctx, s.at.Atlas)
		}},
	{"gateway-throttled", "gateway", "Throttles", `429 {"message":"Too Many Requests"}, by the gateway`,
		func(_ context.Context, s *system) error { s.gateway.Throttle.Store(true); return nil }},
	{"function-failed", "gateway", "The function's process exits", `500 {"message":"Internal Server Error"}, by the gateway`,
		func(_ context.Context, s *system) error { s.function.Store(&crashed); return nil }},
	{"sign-in-expired", "token", "The sign-in has expired", `401 {"message":"Unauthorized"}, by the gateway`, nil},
}

// crashed is a function whose process exits in every invocation.
var crashed = lambda.NewHandler(func() error { return errors.New("the function's process exited with status 1") })

// rotate makes Atlas accept a new secret only, and the new one the secret's
// current version. The function has to notice by itself.
func rotate(_ context.Context, s *system) error {
	fresh := atlastest.Credential{ClientID: atlastest.DefaultClientID, ClientSecret: rand.Text()}
	s.atlas.SetCredentials(fresh)
	s.secrets.Put(`{"clientId":"` + fresh.ClientID + `","clientSecret":"` + fresh.ClientSecret + `"}`)
	return nil
}

// switchFault repairs everything, and then breaks what the path names.
func (s *system) switchFault(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.ID == r.PathValue("id") })
	if i < 0 {
		http.Error(w, "no such fault", http.StatusNotFound)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atlas.Clear()
	s.secrets.Clear()
	s.gateway.Throttle.Store(false)
	err := s.coldStart(r.Context(), s.at.Atlas)
	if err == nil && faults[i].do != nil {
		err = faults[i].do(r.Context(), s)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.fault = faults[i].ID
	w.WriteHeader(http.StatusNoContent)
}
