package main

import (
	"flag"
	"fmt"
	"io"
	"net/url"
)

// The parts, as indexes of options.ports and of the listeners.
const (
	console = iota
	api
	issuer
	atlas
	secrets
)

// port is a TCP port, and the flag that chooses it.
type port struct {
	flag, what string
	number     int
}

// options are the command's flags.
type options struct {
	ports []port
	// origin is the developer's own page, or "".
	origin string
	// config is the file that replaces the built-in example, or "".
	config string
	json   bool
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	o := options{ports: []port{
		console: {"console-port", "the demo console", 8400},
		api:     {"api-port", "the broker's API", 8401},
		issuer:  {"issuer-port", "the identity provider", 8402},
		atlas:   {"atlas-port", "the simulator of Atlas and its portal", 8403},
		secrets: {"secrets-port", "Secrets Manager's API", 8404},
	}}
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(usage)
	for i := range o.ports {
		p := &o.ports[i]
		flags.IntVar(&p.number, p.flag, p.number, "`port` of "+p.what+"; 0 takes any free one")
	}
	flags.StringVar(&o.origin, "origin", "",
		"`origin` of a page of your own that may call the API and ask for tokens, like http://127.0.0.1:3000")
	flags.StringVar(&o.config, "config", "",
		"`file` with your own operators, claims, roles, accounts and policy, like docs/examples/local.yaml")
	flags.BoolVar(&o.json, "json", false, "print log lines as they are, in JSON")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q; -help lists the flags", flags.Arg(0))
	}
	if u, err := url.Parse(o.origin); o.origin != "" && (err != nil || u.Host == "" || o.origin != u.Scheme+"://"+u.Host) {
		return options{}, fmt.Errorf(
			"-origin %q is not an origin; write scheme, host and port, and nothing after them, like http://127.0.0.1:3000", o.origin)
	}
	return o, nil
}
