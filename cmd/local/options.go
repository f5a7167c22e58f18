package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

// options are the command's flags.
type options struct {
	console, api, issuer, atlas, secrets port
	json                                 bool
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
	flags.BoolVar(&o.json, "json", false, "print log lines as they are, in JSON")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q; -help lists the flags", flags.Arg(0))
	}
	return o, nil
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
