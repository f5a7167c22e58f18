// Command local runs the whole system on one machine: an API Gateway in front of
// the real function, an identity provider, Secrets Manager's API for one secret,
// a simulator of Atlas with its portal, and a demo console on another origin. The
// function is the real one; the rest replaces parts that need an account.
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
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// Run starts the system as args ask for, prints where its parts are, and ends it
// when ctx ends, whatever it is doing. environ is the process's environment.
func Run(ctx context.Context, args []string, environ map[string]string, stdout io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	s := &system{options: o, environ: environ, log: newLog(stdout, o.json), fault: faults[0].ID}
	if err := s.start(ctx); err != nil {
		return err
	}
	s.log.ready(s.at, s.config.Operators[0].Email, s.effective.Roles[0])
	<-ctx.Done()
	return nil
}
