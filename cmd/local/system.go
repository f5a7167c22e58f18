package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"atriptoken/atlas/atlastest"
	"atriptoken/cmd/local/internal/gateway"
	"atriptoken/cmd/local/internal/idp"
	"atriptoken/handler"
	"atriptoken/internal/function"
	"atriptoken/secret/secrettest"
)

const (
	// functionTimeout is the function's, as in template.yaml.
	functionTimeout = 25 * time.Second
	// functionARN names the function by the alias that API Gateway invokes.
	functionARN = "arn:aws:lambda:eu-west-1:000000000000:function:atrip-token:api"
	// endTimeout bounds the wait for running requests at the end.
	endTimeout = 500 * time.Millisecond
)

// system is everything that runs.
type system struct {
	options options
	config  config
	environ map[string]string
	log     *log
	at      addresses
	// effective is the function's environment: defaults, file and shell.
	effective function.Environment

	atlas     *atlastest.Server
	secrets   *secrettest.Server
	function  *runner
	gateway   *gateway.Gateway
	listeners []net.Listener
	servers   []*http.Server
	running   *errgroup.Group

	mu    sync.Mutex // one switch at a time
	fault string     // the id of the one that is on
}

// start starts every part, each after those that it needs.
func (s *system) start(ctx context.Context) error {
	var err error
	if s.config, err = readConfig(s.options.config); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	s.secrets = secrettest.NewServer(nil)
	s.serve(ctx, secrets, s.secrets.Config.Handler)
	variables, err := s.functionVariables()
	if err != nil {
		return err
	}
	if s.effective, err = function.ReadEnvironment(variables); err != nil {
		return err
	}
	if err := errors.Join(checkPolicies(s.effective), checkOperators(s.config.Operators, s.effective.NameClaim)); err != nil {
		return err
	}
	s.atlas = atlastest.NewServer(&atlastest.Options{PublicURL: s.at.Atlas, Roles: s.effective.Roles})
	s.serve(ctx, atlas, s.atlas.Config.Handler)
	if s.function, err = newFunction(ctx, s, variables); err != nil {
		return err
	}

	origins := []string{s.at.Console}
	if s.options.origin != "" {
		origins = append(origins, s.options.origin)
	}
	provider, err := idp.New(s.at.Issuer, origins, s.effective.GroupsClaim, s.config.Operators)
	if err != nil {
		return err
	}
	s.serve(ctx, issuer, provider)

	tokensOf, audience, scope := s.at.Issuer, idp.Audience, idp.Scope
	if s.config.Issuer != "" {
		tokensOf, audience, scope = s.config.Issuer, s.config.Audience, ""
	}
	authorizer, err := gateway.NewAuthorizer(ctx, tokensOf, audience, scope)
	if err != nil {
		return err
	}
	s.gateway = &gateway.Gateway{
		Path: handler.Path, Function: s.function, FunctionARN: functionARN, FunctionTimeout: functionTimeout,
		Authorizer: authorizer, Origins: origins, Log: s.log.gateway,
	}
	s.serve(ctx, api, s.gateway)

	pages, err := s.pages()
	if err != nil {
		return err
	}
	s.serve(ctx, console, pages)
	return nil
}

// listen takes the ports before anything starts, on the loopback interface only.
func (s *system) listen() error {
	var urls []string
	var errs []error
	for _, p := range s.options.ports {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number)))
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot listen on port %d for %s: %w; choose another port with -%s, or 0 for any free one",
				p.number, p.what, err, p.flag))
			continue
		}
		s.listeners = append(s.listeners, listener)
		urls = append(urls, "http://"+listener.Addr().String())
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	s.at = addresses{urls[console], urls[api] + handler.Path, urls[issuer], urls[atlas], urls[secrets]}
	return nil
}

// serve answers requests to a part by its own name. A page of another host name
// that resolves to this machine could read the answers (DNS rebinding). Requests
// that last, such as the console's feed, end with ctx.
func (s *system) serve(ctx context.Context, part int, h http.Handler) {
	name := s.listeners[part].Addr().String()
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != name {
				http.Error(w, "not served under this host name: open http://"+name, http.StatusMisdirectedRequest)
				return
			}
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.servers = append(s.servers, server)
	s.running.Go(func() error {
		if err := server.Serve(s.listeners[part]); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("the server of %s ended: %w", s.options.ports[part].what, err)
		}
		return nil
	})
}

// end stops every part, after a short wait for running requests.
func (s *system) end() error {
	if s.atlas != nil {
		s.atlas.Close() // ends calls that a fault keeps waiting
	}
	if s.secrets != nil {
		s.secrets.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	for _, server := range s.servers {
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	}
	for _, listener := range s.listeners {
		_ = listener.Close() // closed already, unless the start failed
	}
	return s.running.Wait()
}
