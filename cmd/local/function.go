package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambda"

	"atriptoken/internal/function"
)

// runner is the function as Lambda runs it: one execution environment, which a
// cold start replaces.
type runner struct {
	variables map[string]string
	log       *log
	current   atomic.Pointer[lambda.Handler]
	// broken makes every invocation fail, as when the function's process exits.
	broken atomic.Bool
}

// newFunction starts the function against the simulators. Variables of the
// function that are set in the shell count, except those that say where Atlas and
// the secret are.
func newFunction(ctx context.Context, s *system) (*runner, error) {
	// The AWS SDK reads these from the process. No profile, file or metadata
	// service of this machine may have an effect.
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER":    s.at.Secrets,
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
	variables := map[string]string{"ATRIP_POLICY_FILE": "policy/default.cedar"}
	fixed := []string{"ATLAS_BASE_URL", "ATLAS_SECRET_ARN", "ATLAS_CLIENT_ID", "ATLAS_PORTAL_HOSTS"}
	for name, value := range s.environ {
		ours := strings.HasPrefix(name, "ATLAS_") || strings.HasPrefix(name, "ATRIP_") || name == "AWS_LAMBDA_LOG_LEVEL"
		if ours && value != "" && !slices.Contains(fixed, name) {
			variables[name] = value
		}
	}
	variables["ATLAS_SECRET_ARN"] = s.secrets.ARN
	variables["AWS_LAMBDA_FUNCTION_NAME"] = "atrip-token"
	r := &runner{variables: variables, log: s.log}
	return r, r.coldStart(ctx, s.at.Atlas)
}

// coldStart replaces the execution environment by a new one, which finds Atlas at
// atlasURL.
func (r *runner) coldStart(ctx context.Context, atlasURL string) error {
	variables := maps.Clone(r.variables)
	variables["ATLAS_BASE_URL"] = atlasURL
	h, err := function.New(ctx, variables, r.log)
	if err != nil {
		return err
	}
	fresh := lambda.NewHandler(h)
	r.current.Store(&fresh)
	return nil
}

// Invoke runs the function in the current execution environment.
func (r *runner) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if r.broken.Load() {
		return nil, errors.New("the function's process exited with status 1")
	}
	return (*r.current.Load()).Invoke(ctx, event)
}
