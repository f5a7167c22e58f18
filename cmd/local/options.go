package main

import (
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
)

// options are the command's flags.
type options struct {
	console, api, issuer, atlas, secrets port
	// origin is a page's of the developer's own, "" for none.
	origin string
	json   bool
}

// port is a TCP port on this machine, and the flag that chooses it.
type port struct {
	flag   string
	what   string
	number int
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	o := options{
		console: port{"console-port", "the demo console", 8400},
		api:     port{"api-port", "the broker's API", 8401},
		issuer:  port{"issuer-port", "the identity provider", 8402},
		atlas:   port{"atlas-port", "the simulator of Atlas and its portal", 8403},
		secrets: port{"secrets-port", "Secrets Manager's API", 8404},
	}
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(usage)
	for _, p := range []*port{&o.console, &o.api, &o.issuer, &o.atlas, &o.secrets} {
		flags.IntVar(&p.number, p.flag, p.number, "`port` of "+p.what+"; 0 takes any free one")
	}
	flags.StringVar(&o.origin, "origin", "", "`origin` of a page of your own that may call the API and ask for tokens, like http://127.0.0.1:3000")
	flags.BoolVar(&o.json, "json", false, "print log lines as they are, in JSON")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q; -help lists the flags", flags.Arg(0))
	}
	if o.origin != "" && !isOrigin(o.origin) {
		return options{}, fmt.Errorf("-origin %q is no origin; write scheme, host and port, and nothing after them, like http://127.0.0.1:3000", o.origin)
	}
	return o, nil
}

// isOrigin reports whether s is what a browser sends in the Origin header.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && s == u.Scheme+"://"+u.Host
}

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
