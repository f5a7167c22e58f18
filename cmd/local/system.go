package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/cmd/local/internal/apipage"
	"atriptoken/cmd/local/internal/console"
	"atriptoken/cmd/local/internal/gateway"
	"atriptoken/cmd/local/internal/idp"
	"atriptoken/handler"
	"atriptoken/secret/secrettest"
)

const (
	// functionTimeout is the function's, as template.yaml sets it.
	functionTimeout = 25 * time.Second
	// functionARN names the function as API Gateway invokes it: by its alias.
	functionARN = "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:api"
	// patience bounds the wait for running requests at the end.
	patience = 3 * time.Second
)

// system is everything that runs.
type system struct {
	at      addresses
	atlas   *atlastest.Server
	secrets *secrettest.Server
	servers []*http.Server
	failed  chan error
}

// start brings every part up, in the order in which they need each other. When
// it fails, nothing is left running.
func start(ctx context.Context, o options, environ map[string]string, out *log) (*system, error) {
	l, err := listenAll(o)
	if err != nil {
		return nil, err
	}
	s := &system{failed: make(chan error, 5), at: l.addresses()}
	if err := s.bringUp(ctx, o, l, environ, out); err != nil {
		return nil, errors.Join(err, s.end(), l.close())
	}
	return s, nil
}

func (s *system) bringUp(ctx context.Context, o options, l listeners, environ map[string]string, out *log) error {
	origins := []string{s.at.Console}
	if o.origin != "" {
		origins = append(origins, o.origin)
	}
	s.atlas = atlastest.NewServer(&atlastest.Options{Listener: l.atlas})
	s.secrets = secrettest.NewServer(&secrettest.Options{Listener: l.secrets})

	provider, err := idp.New(idp.Config{
		Issuer: s.at.Issuer, ConsoleOrigin: s.at.Console, Origins: origins, RedirectURIs: []string{s.at.Console + "/"},
	})
	if err != nil {
		return err
	}
	s.serve(ctx, l.issuer, provider)

	function, err := newFunction(ctx, s.at, s.secrets.ARN, environ, out)
	if err != nil {
		return err
	}
	authorizer, err := gateway.NewAuthorizer(ctx, s.at.Issuer, idp.Audience)
	if err != nil {
		return err
	}
	api := &gateway.Gateway{
		Function: function, FunctionARN: functionARN, FunctionTimeout: functionTimeout,
		Routes:     []gateway.Route{{Key: "POST " + handler.Path, Scopes: []string{idp.Scope}}},
		Authorizer: authorizer,
		CORS: gateway.CORS{
			AllowOrigins: origins, AllowMethods: []string{"POST"},
			AllowHeaders:  []string{"authorization", "content-type", "x-atrip-account"},
			ExposeHeaders: []string{"apigw-requestid", "retry-after"}, MaxAge: 10 * time.Minute,
		},
		Access: out.access,
	}
	s.serve(ctx, l.api, api)

	description, err := os.ReadFile("docs/openapi.yaml") // make run starts in the checkout's root
	if err != nil {
		return fmt.Errorf("the API's description: %w", err)
	}
	reference, err := apipage.New(description)
	if err != nil {
		return err
	}
	pages, err := console.New(console.Config{
		Origin: s.at.Console, Endpoint: s.at.API, Issuer: s.at.Issuer, ClientID: idp.ClientID, Scope: idp.Scope,
		Roles: atlastest.DefaultRoles(), Feed: &out.feed, API: reference,
		Faults: (&switchboard{atlas: s.atlas, secrets: s.secrets, function: function, api: api}).faults(),
	})
	if err != nil {
		return err
	}
	s.serve(ctx, l.console, pages)
	return nil
}

// serve answers requests on a listener. Requests that last, such as the
// console's feed, end with ctx.
func (s *system) serve(ctx context.Context, listener net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("the server at %s ended: %w", listener.Addr(), err)
		}
	}()
}

// end stops every part: no new requests, a short wait for the running ones.
func (s *system) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.atlas != nil {
		s.atlas.Close() // ends calls that a fault keeps waiting
	}
	if s.secrets != nil {
		s.secrets.Close()
	}
	var errs []error
	for _, server := range s.servers {
		if server.Shutdown(ctx) != nil {
			errs = append(errs, server.Close())
		}
	}
	return errors.Join(errs...)
}
