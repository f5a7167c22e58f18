// Command doctor examines an ATRIP token broker, deployed or about to be, and prints line by line what would prevent
// going live and how to fix it. It reads and never writes.
//
// Exit codes: 0 ready, 1 something would prevent going live, 2 something could not be checked (or the command line is
// wrong).
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

	"atriptoken/atlas"
	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/internal/redact"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// sandbox is Atlas's sandbox, the same for every account.
const sandbox = "https://sandbox.atriptech.com"

// exitUnchecked is the exit code of a run that could not check.
const exitUnchecked = 2

// flags are the command line.
type flags struct {
	diagnosis.Options
	atlasURL, tokenFile, wrongTokenFile string
	call, asJSON, policy                bool
	request                             atlas.Request
}

func parse(args []string, stderr io.Writer) (*flags, error) {
	f := &flags{}
	set := flag.NewFlagSet("doctor", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.Stack, "stack", "", "the CloudFormation stack; without it, check what can be checked from here")
	set.StringVar(&f.atlasURL, "atlas-url", sandbox, "Atlas's base URL; with -stack, the function's own is used")
	set.StringVar(&f.SecretID, "secret", "", "ARN or name of the secret with the Atlas credentials; with -stack, the function's own is used")
	set.StringVar(&f.tokenFile, "token-file", "", "file with an operator's token for the API, or /dev/stdin")
	set.StringVar(&f.wrongTokenFile, "wrong-token-file", "", "file with a token of the issuer for another audience, to be refused")
	set.BoolVar(&f.call, "call", false, "make one whole call through the stack; it mints a link, which is dropped")
	set.StringVar(&f.request.OrderNo, "order", "", "with -call: an order number of the account")
	set.StringVar(&f.request.UserName, "user", "", "with -call: the operator's name; with a token it must be the token's own")
	set.StringVar(&f.request.Role, "role", "", "with -call: the role, such as Finance")
	set.BoolVar(&f.asJSON, "json", false, "print one JSON document instead of lines")
	set.BoolVar(&f.policy, "policy", false, "print the read-only IAM policy that doctor needs, and do nothing else")
	set.Usage = func() {
		fmt.Fprint(stderr, "usage: doctor [-stack NAME] [flags]\n\nExamines the broker and changes nothing. "+
			"Exit code 0: ready; 1: something would prevent going live; 2: something could not be checked.\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0:
		return f, fmt.Errorf("%q is not a flag; give the stack by -stack", set.Arg(0))
	case !f.call && f.request != (atlas.Request{}):
		return f, errors.New("-order, -user and -role are for -call: give that too")
	case f.call && (f.Stack == "" || f.request.OrderNo == "" || f.request.UserName == "" || f.request.Role == ""):
		return f, errors.New("-call needs -stack, -order, -user and -role")
	case f.call:
		f.Call = &f.request
	}
	return f, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err == nil && f.policy:
		fmt.Fprint(stdout, diagnosis.Policy(f.SecretID))
		return 0
	case err == nil:
		err = f.read(ctx)
	}
	if err == nil {
		return f.report(ctx, stdout)
	}
	fmt.Fprintln(stderr, "doctor:", err)
	return exitUnchecked
}

// report makes the checks, prints the results and returns the exit code.
func (f *flags) report(ctx context.Context, to io.Writer) int {
	var report diagnosis.Report
	for result := range diagnosis.Run(ctx, f.Options) {
		report = append(report, result)
		if !f.asJSON {
			printResult(to, result)
		}
	}
	code := report.ExitCode()
	if !f.asJSON {
		printSummary(to, report)
		return code
	}
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{"exitCode": code, "results": report}); err != nil {
		return exitUnchecked
	}
	return code
}

// read reads what the flags name: AWS's configuration and the tokens.
func (f *flags) read(ctx context.Context) (err error) {
	if f.AtlasBaseURL, err = atlas.ParseBaseURL(f.atlasURL, false); err != nil {
		return fmt.Errorf("-atlas-url %w", err)
	}
	if f.Stack != "" {
		f.AtlasBaseURL = nil
	}
	if f.AWS, err = diagnosis.LoadConfig(ctx); err != nil {
		return err
	}
	if f.Token, err = token("-token-file", f.tokenFile); err != nil {
		return err
	}
	f.WrongToken, err = token("-wrong-token-file", f.wrongTokenFile)
	return err
}

// maxToken bounds a token, in bytes: API Gateway accepts no longer header.
const maxToken = 10240

func token(name, file string) (redact.String, error) {
	if file == "" {
		return redact.String{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return redact.String{}, fmt.Errorf("%s: %w", name, err)
	}
	trimmed := strings.TrimPrefix(strings.TrimSpace(string(text)), "Bearer ")
	if trimmed == "" || len(trimmed) > maxToken || strings.ContainsFunc(trimmed, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return redact.String{}, fmt.Errorf("%s holds no token", name)
	}
	return redact.New(trimmed), nil
}
