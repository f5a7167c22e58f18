package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

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
)

// The parts, in the order of their ports.
const (
	console = iota
	api
	issuer
	atlas
	secrets
)

var partNames = [...]string{
	"the demo console", "the broker's API", "the identity provider", "the simulator of Atlas and its portal", "Secrets Manager's API",
}

// system is everything that runs.
type system struct {
	options options
	config  config
	environ map[string]string
	log     *log
	at      addresses
	// variables are the function's; effective is what it makes of them.
	variables map[string]string
	effective function.Environment

	atlas     *atlastest.Server
	secrets   *secrettest.Server
	function  atomic.Pointer[lambda.Handler] // the execution environment
	gateway   *gateway.Gateway
	listeners []net.Listener

	mu    sync.Mutex // one switch at a time
	fault string     // the id of the one that is on
}

// start starts every part, each after those that it needs.
func (s *system) start(ctx context.Context) error {
	var err error
	if s.config, err = readConfig(s.options.config); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.secrets = secrettest.NewServer(nil)
	context.AfterFunc(ctx, s.secrets.Close)
	s.serve(secrets, s.secrets.Config.Handler)
	if s.variables, err = s.functionVariables(); err != nil {
		return err
	}
	if s.effective, err = function.ReadEnvironment(s.variables); err != nil {
		return err
	}
	if err := checkPolicies(s.effective); err != nil {
		return err
	}
	s.atlas = atlastest.NewServer(&atlastest.Options{PublicURL: s.at.Atlas, Roles: s.effective.Roles})
	context.AfterFunc(ctx, s.atlas.Close)
	s.serve(atlas, s.atlas.Config.Handler)
	// The AWS SDK reads these from the process. No credential or profile of this
	// machine may have an effect; the function reads no shared files.
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":    s.at.Secrets,
		"AWS_REGION":                          "eu-west-1",
		"AWS_ACCESS_KEY_ID":                   "AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY":               "example",
		"AWS_SESSION_TOKEN":                   "",
		"AWS_PROFILE":                         "",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	if err := s.coldStart(ctx, s.at.Atlas); err != nil {
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
	s.serve(issuer, provider)

	tokensOf, audience, scope := s.at.Issuer, idp.Audience, idp.Scope
	if s.config.Issuer != "" {
		tokensOf, audience, scope = s.config.Issuer, s.config.Audience, ""
	}
	authorizer, err := gateway.NewAuthorizer(ctx, tokensOf, audience, scope)
	if err != nil {
		return err
	}
	s.gateway = &gateway.Gateway{
		Path: handler.Path, FunctionARN: functionARN, FunctionTimeout: functionTimeout,
		Invoke: func(ctx context.Context, event []byte) ([]byte, error) {
			return (*s.function.Load()).Invoke(ctx, event)
		},
		Authorizer: authorizer, Origins: origins, Log: s.log.Logger,
	}
	s.serve(api, s.gateway)

	pages, err := s.pages()
	if err != nil {
		return err
	}
	s.serve(console, pages)
	return nil
}

// listen takes the ports before anything starts, on the loopback interface only.
func (s *system) listen(ctx context.Context) error {
	var urls []string
	var errs []error
	for part, name := range partNames {
		port := s.options.port
		if port != 0 {
			port += part
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot listen on port %d for %s: %w; choose five others with -port, or 0 for any free ones",
				port, name, err))
			continue
		}
		context.AfterFunc(ctx, func() { _ = listener.Close() })
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
// that resolves to this machine could read the answers (DNS rebinding).
func (s *system) serve(part int, h http.Handler) {
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
	}
	go func() {
		if err := server.Serve(s.listeners[part]); !errors.Is(err, net.ErrClosed) {
			s.log.Error("the server of " + partNames[part] + " ended: " + err.Error())
		}
	}()
}

// coldStart replaces the function's execution environment by a new one, which
// finds Atlas at atlasURL.
func (s *system) coldStart(ctx context.Context, atlasURL string) error {
	variables := maps.Clone(s.variables)
	variables["ATLAS_BASE_URL"] = atlasURL
	h, err := function.New(ctx, variables, s.log)
	if err != nil {
		return err
	}
	fresh := lambda.NewHandler(h)
	s.function.Store(&fresh)
	return nil
}
