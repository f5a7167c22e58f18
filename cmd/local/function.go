package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambda"

	"atriptoken/internal/function"
)

// runner is the function as Lambda runs it: one execution environment, which a
// cold start replaces.
type runner struct {
	fresh   func(ctx context.Context, atlasURL string) (lambda.Handler, error)
	current atomic.Pointer[lambda.Handler]
	// broken makes every invocation fail, as a function does whose process died.
	broken atomic.Bool
}

// errBroken is what Lambda reports of a process that exited.
var errBroken = errors.New("the function's process exited with status 1")

// newFunction starts the function against the simulators.
func newFunction(ctx context.Context, at addresses, secretARN string, environ map[string]string, out *log) (*runner, error) {
	// The AWS SDK reads these from the process itself, inside the function. No
	// profile, file or metadata service of this machine has a say.
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":    at.Secrets,
		"AWS_REGION":                          "eu-west-1",
		"AWS_ACCESS_KEY_ID":                   "AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY":               "example",
		"AWS_SESSION_TOKEN":                   "",
		"AWS_PROFILE":                         "",
		"AWS_CONFIG_FILE":                     os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE":         os.DevNull,
		"AWS_EC2_METADATA_DISABLED":           "true",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	variables := passedOn(environ)
	if variables["ATRIP_POLICY_FILE"] == "" {
		variables["ATRIP_POLICY_FILE"] = "policy/default.cedar"
	}
	variables["ATLAS_SECRET_ARN"] = secretARN
	variables["AWS_LAMBDA_FUNCTION_NAME"] = "atrip-token"
	r := &runner{fresh: func(ctx context.Context, atlasURL string) (lambda.Handler, error) {
		environment := maps.Clone(variables)
		environment["ATLAS_BASE_URL"] = atlasURL
		h, err := function.New(ctx, environment, out)
		if err != nil {
			return nil, err
		}
		return lambda.NewHandler(h), nil
	}}
	return r, r.coldStart(ctx, at.Atlas)
}

// coldStart replaces the execution environment by a new one, which finds Atlas
// at atlasURL.
func (r *runner) coldStart(ctx context.Context, atlasURL string) error {
	h, err := r.fresh(ctx, atlasURL)
	if err != nil {
		return err
	}
	r.current.Store(&h)
	return nil
}

// Invoke runs the function in the current execution environment.
func (r *runner) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if r.broken.Load() {
		return nil, errBroken
	}
	return (*r.current.Load()).Invoke(ctx, event)
}

// passedOn are the function's variables that count when they are set in the
// shell. Where Atlas and the secret are is not the shell's to say here.
func passedOn(environ map[string]string) map[string]string {
	variables := map[string]string{}
	for name, value := range environ {
		switch name {
		case "ATLAS_BASE_URL", "ATLAS_SECRET_ARN", "ATLAS_CLIENT_ID", "ATLAS_PORTAL_HOSTS":
			continue
		}
		if strings.HasPrefix(name, "ATLAS_") || strings.HasPrefix(name, "ATRIP_") || name == "AWS_LAMBDA_LOG_LEVEL" {
			variables[name] = value
		}
	}
	return variables
}
