// Command local runs the whole system on one machine: an API Gateway in front
// of the real function, an identity provider, Secrets Manager's API for one
// secret, a simulator of Atlas with its portal, and a demo console on an origin
// of its own. Only the function is the real one; the rest stands in for parts
// that need an account.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/caarlos0/env/v11"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := Run(ctx, os.Args[1:], env.ToMap(os.Environ()), os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// Run starts the system as args ask for, says on stdout where it is, and ends
// it when ctx ends. environ is the process's environment. It returns nil after
// a clean end.
func Run(ctx context.Context, args []string, environ map[string]string, stdout io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	out := newLog(stdout, o.json, isTerminal(stdout) && environ["NO_COLOR"] == "" && environ["TERM"] != "dumb")
	s, err := start(ctx, o, environ, out)
	if err != nil {
		return err
	}
	out.ready(s.at)
	select {
	case <-ctx.Done():
		return s.end()
	case err := <-s.failed:
		return errors.Join(err, s.end())
	}
}
