// Command doctor looks at an ATRIP token broker, deployed or about to be, and
// says line by line what would stop going live and how to mend it. It reads
// and never writes.
//
// Exit codes: 0 nothing stands in the way, 1 something would stop going live,
// 2 something could not be checked (or the command line is wrong).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/term"

	"atriptoken/atlas"
	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/internal/redact"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// sandbox is Atlas's sandbox, the same for every account.
const sandbox = "https://sandbox.atriptech.com"

// exitUnchecked is what a run that could not check ends with.
const exitUnchecked = 2

// flags are the command line.
type flags struct {
	stack, region, profile, atlasURL, secret, origin string
	tokenFile, wrongTokenFile                        string
	call, asJSON, policy                             bool
	order, user, role                                string
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("doctor", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.stack, "stack", "", "the CloudFormation stack; without it only what can be seen from here is checked")
	set.StringVar(&f.region, "region", "", "the AWS Region; otherwise the environment's or the profile's")
	set.StringVar(&f.profile, "profile", "", "the AWS profile; otherwise the environment's")
	set.StringVar(&f.atlasURL, "atlas-url", sandbox, "Atlas's base URL; with -stack the function's own counts")
	set.StringVar(&f.secret, "secret", "", "ARN or name of the secret with the Atlas credentials; with -stack the function's own counts")
	set.StringVar(&f.origin, "origin", "", "a page's origin that has to be allowed, like https://backoffice.example.com")
	set.StringVar(&f.tokenFile, "token-file", "", "file with an operator's token for the API; - reads standard input")
	set.StringVar(&f.wrongTokenFile, "wrong-token-file", "", "file with a token of the same issuer for another audience, which must be refused")
	set.BoolVar(&f.call, "call", false, "make one whole call through the stack; it mints a link, which is dropped")
	set.StringVar(&f.order, "order", "", "with -call: an order number of the account")
	set.StringVar(&f.user, "user", "", "with -call: the operator's name; with a token it must be the token's own")
	set.StringVar(&f.role, "role", "", "with -call: the role, such as Finance")
	set.BoolVar(&f.asJSON, "json", false, "print one JSON document instead of lines")
	set.BoolVar(&f.policy, "policy", false, "print the read-only IAM policy that doctor needs, and do nothing else")
	set.Usage = func() {
		fmt.Fprint(stderr, "usage: doctor [-stack NAME] [flags]\n\nLooks at the broker and changes nothing. Exit code 0: ready; 1: something would stop going live; 2: could not check.\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0:
		return f, fmt.Errorf("%q is not a flag; the stack is given by -stack", set.Arg(0))
	case f.call && f.stack == "":
		return f, errors.New("-call goes through a stack: give -stack")
	case f.call && (f.order == "" || f.user == "" || f.role == ""):
		return f, errors.New("-call needs -order, -user and -role")
	case !f.call && (f.order != "" || f.user != "" || f.role != ""):
		return f, errors.New("-order, -user and -role are for -call: give that too")
	}
	return f, nil
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	f, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "doctor:", err)
		return exitUnchecked
	}
	if f.policy {
		stdout.Write(diagnosis.Policy(f.secret)) //nolint:errcheck // nobody is left to tell
		return 0
	}
	options, err := f.options(ctx, stdin)
	if err != nil {
		fmt.Fprintln(stderr, "doctor:", err)
		return exitUnchecked
	}
	out := &printer{stdout: stdout, stderr: stderr, quiet: f.asJSON, live: isTerminal(stderr)}
	options.Starting, options.Found = out.starting, out.found
	report := diagnosis.Run(ctx, options)
	if f.asJSON {
		out.clear()
		encoder := json.NewEncoder(stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(report); err != nil {
			fmt.Fprintln(stderr, "doctor: the report cannot be written:", err)
			return exitUnchecked
		}
		return report.ExitCode()
	}
	out.summary(report)
	return report.ExitCode()
}

// options reads what the flags name: AWS's configuration and the tokens.
func (f flags) options(ctx context.Context, stdin io.Reader) (diagnosis.Options, error) {
	o := diagnosis.Options{Stack: f.stack, SecretID: f.secret, Origin: f.origin}
	base, err := atlas.ParseBaseURL(f.atlasURL, false)
	if err != nil {
		return o, fmt.Errorf("-atlas-url %w", err)
	}
	o.AtlasBaseURL = base
	if f.stack != "" {
		o.AtlasBaseURL = nil
	}
	// The SDK's own remarks would stand between the lines.
	if o.AWS, err = config.LoadDefaultConfig(ctx, config.WithRegion(f.region), config.WithSharedConfigProfile(f.profile),
		config.WithLogger(logging.Nop{})); err != nil {
		return o, fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	if o.Token, err = token("-token-file", f.tokenFile, stdin); err != nil {
		return o, err
	}
	if o.WrongToken, err = token("-wrong-token-file", f.wrongTokenFile, stdin); err != nil {
		return o, err
	}
	if f.call {
		o.Call = &atlas.Request{OrderNo: f.order, UserName: f.user, Role: f.role}
	}
	return o, nil
}

// maxToken bounds a token, in bytes: API Gateway takes no longer header.
const maxToken = 10240

func token(name, file string, stdin io.Reader) (redact.String, error) {
	if file == "" {
		return redact.String{}, nil
	}
	source := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return redact.String{}, fmt.Errorf("%s: %w", name, err)
		}
		defer opened.Close()
		source = opened
	}
	text, err := io.ReadAll(io.LimitReader(source, maxToken+1))
	if err != nil {
		return redact.String{}, fmt.Errorf("%s: %w", name, err)
	}
	trimmed := strings.TrimPrefix(strings.TrimSpace(string(text)), "Bearer ")
	if trimmed == "" || len(trimmed) > maxToken || strings.ContainsFunc(trimmed, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return redact.String{}, fmt.Errorf("%s holds no token", name)
	}
	return redact.New(trimmed), nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
