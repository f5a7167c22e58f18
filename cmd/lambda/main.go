// Command lambda is the function: it reads the environment, prepares the secret,
// the connection to Atlas and the policy, and then answers invocations.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/caarlos0/env/v11"

	"atriptoken/internal/function"
	"atriptoken/internal/runtimeapi"
)

func main() {
	variables := env.ToMap(os.Environ())
	slog.SetDefault(function.NewLogger(variables, os.Stdout)) // package log writes there too
	// Lambda sends SIGTERM if an extension is present and on managed instances, and
	// kills a process that does not end in time.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, variables); err != nil {
		function.NewLogger(variables, os.Stderr).Error(err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, variables map[string]string) error {
	h, err := function.New(ctx, variables, os.Stdout)
	if err != nil {
		return fmt.Errorf("atriptoken cannot start: %w", err)
	}
	return runtimeapi.Serve(ctx, variables["AWS_LAMBDA_RUNTIME_API"], lambdacontext.MaxConcurrency(), h)
}
