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
	"github.com/caarlos0/env/v11"

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

// newFunction starts the function against the simulators.
func newFunction(ctx context.Context, s *system, variables map[string]string) (*runner, error) {
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
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	r := &runner{variables: variables, log: s.log}
	return r, r.coldStart(ctx, s.at.Atlas)
}

// functionVariables are the function's variables: the simulators', the file's,
// and those of the shell that neither of them sets. The log names the others.
func (s *system) functionVariables() (map[string]string, error) {
	parameters, err := env.GetFieldParams(&function.Environment{})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, p := range parameters {
		known[p.Key] = true
	}
	simulated := map[string]string{
		"ATLAS_BASE_URL": s.at.Atlas, "ATLAS_SECRET_ARN": s.secrets.ARN, "ATLAS_CLIENT_ID": "", "ATLAS_PORTAL_HOSTS": "",
	}
	variables := map[string]string{"ATRIP_POLICY_FILE": defaultPolicy, "AWS_LAMBDA_FUNCTION_NAME": "atrip-token"}
	fromFile := s.config.variables(s.at.Atlas, s.secrets.ARN)
	for _, name := range slices.Sorted(maps.Keys(s.environ)) {
		_, isSimulated := simulated[name]
		_, isInFile := fromFile[name]
		ignored := ""
		switch {
		case !strings.HasPrefix(name, "ATLAS_") && !strings.HasPrefix(name, "ATRIP_") && name != "AWS_LAMBDA_LOG_LEVEL", s.environ[name] == "":
			continue
		case isSimulated:
			ignored = "the simulators decide it"
		case isInFile:
			ignored = s.options.config + " sets it"
		case !known[name]:
			ignored = "the function has no such variable"
		default:
			variables[name] = s.environ[name]
			continue
		}
		s.log.entry("function", map[string]any{"level": "WARN", "message": name + " is ignored: " + ignored})
	}
	maps.Copy(variables, simulated)
	maps.Copy(variables, fromFile)
	return variables, nil
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
