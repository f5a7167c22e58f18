// Command putsecret puts the Atlas credentials into the broker's secret. It asks for them without showing them, or reads
// them from standard input; they are never in an argument, in the environment, in a file or in its output.
//
// Before it stores them it asks Atlas whether it accepts them, without minting a link (see atlas.Client.CheckCredentials).
// Refused credentials are not stored. Storing what the secret holds already changes nothing.
//
// Exit codes: 0 stored, or held already; 1 refused by Atlas or not valid; 2 something could not be done (or the command
// line is wrong).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"atriptoken/atlas"
	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/secret"
)

// The exit codes.
const (
	exitStored  = 0
	exitRefused = 1
	exitFailed  = 2
)

// errRefused marks credentials that are refused or not valid.
var errRefused = errors.New("refused")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stderr))
}

type flags struct {
	stack, secret, region, profile, atlasURL string
	unchecked                                bool
}

func parse(args []string, stderr io.Writer) (*flags, error) {
	f := &flags{}
	set := flag.NewFlagSet("putsecret", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.stack, "stack", "", "the CloudFormation stack whose secret is filled")
	set.StringVar(&f.secret, "secret", "", "ARN or name of the secret, instead of -stack")
	set.StringVar(&f.region, "region", "", "the AWS Region; otherwise the environment's or the profile's")
	set.StringVar(&f.profile, "profile", "", "the AWS profile; otherwise the environment's")
	set.StringVar(&f.atlasURL, "atlas-url", "", "Atlas's base URL to check against; otherwise the stack's")
	set.BoolVar(&f.unchecked, "unchecked", false, "store without asking Atlas, as when Atlas does not allow this machine's address")
	set.Usage = func() {
		fmt.Fprint(stderr, "usage: putsecret -stack NAME | -secret ARN [flags]\n\n"+
			"Asks for the Atlas client id and secret, or reads {\"clientId\":\"…\",\"clientSecret\":\"…\"} or two lines "+
			"from standard input.\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 0:
		// Not quoted: it might be the secret.
		return f, errors.New("takes no arguments but flags; the credentials are asked for, or read from standard input")
	case (f.stack == "") == (f.secret == ""):
		return f, errors.New("give -stack or -secret")
	case f.secret != "" && f.atlasURL == "" && !f.unchecked:
		return f, errors.New("with -secret give -atlas-url to check the credentials against, or -unchecked")
	}
	return f, nil
}

func run(ctx context.Context, args []string, stdin io.Reader, stderr io.Writer) int {
	f, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitStored
	}
	say := func(format string, args ...any) { fmt.Fprintf(stderr, "putsecret: "+format+"\n", args...) }
	if err == nil {
		err = f.put(ctx, stdin, stderr, say)
	}
	var api smithy.APIError
	var call *smithy.OperationError
	switch {
	case err == nil:
		return exitStored
	case errors.As(err, &api), errors.As(err, &call):
		cause, fix := diagnosis.Explain(err)
		say("nothing was stored: %s; %s", cause, fix)
	default:
		say("%v", err)
	}
	if errors.Is(err, errRefused) {
		return exitRefused
	}
	return exitFailed
}

// put asks for the credentials, checks them and stores them.
func (f *flags) put(ctx context.Context, stdin io.Reader, stderr io.Writer, say func(format string, args ...any)) error {
	aws, err := diagnosis.LoadConfig(ctx, f.region, f.profile)
	if err != nil {
		return err
	}
	if cause, fix := diagnosis.Unset(ctx, aws); cause != "" {
		return fmt.Errorf("%s; %s", cause, fix)
	}
	if err := f.fromStack(ctx, aws); err != nil {
		return err
	}
	text, err := ask(stdin, stderr)
	if err != nil {
		return err
	}
	credentials, err := secret.Parse(text, "")
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if !f.unchecked {
		if err := f.check(ctx, credentials, say); err != nil {
			return err
		}
	}
	version, changed, err := store(ctx, secretsmanager.NewFromConfig(aws), f.secret, credentials)
	switch {
	case err != nil:
		return err
	case !changed:
		say("the secret holds these credentials already (version %s); nothing was changed", version)
	default:
		say("stored as version %s; the broker uses it within ATRIP_SECRET_TTL, or as soon as Atlas refuses the old one", version)
	}
	return nil
}

// checkTimeout bounds the question to Atlas.
const checkTimeout = 15 * time.Second

// check asks Atlas about the credentials. It fails if Atlas refuses them.
func (f *flags) check(ctx context.Context, credentials secret.Credentials, say func(format string, args ...any)) error {
	base, err := atlas.ParseBaseURL(f.atlasURL, false)
	if err != nil {
		say("whether Atlas accepts these credentials is not known (the base URL %v)", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	pair := atlas.Credentials{ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret}
	switch err := (&atlas.Client{BaseURL: base}).CheckCredentials(ctx, pair); {
	case errors.Is(err, atlas.ErrRefused):
		return fmt.Errorf("%w: Atlas refuses these credentials (%w); nothing was stored. "+
			"If Atlas does not allow this machine's address, give -unchecked", errRefused, err)
	case err == nil:
		say("Atlas accepts these credentials")
	default:
		say("whether Atlas accepts these credentials is not known (%v)", err)
	}
	return nil
}
