// Command putsecret puts the Atlas credentials into the broker's secret. It
// asks for them without showing them, or reads them from standard input; they
// are never in an argument, in the environment, in a file or in its output.
//
// Before it stores them it asks Atlas whether it takes them, without minting a
// link for anybody (see atlas.Client.CheckCredentials). Refused credentials are not stored.
// Storing what the secret holds already changes nothing.
//
// Exit codes: 0 stored, or held already; 1 refused by Atlas or not valid;
// 2 something could not be done (or the command line is wrong).
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

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/logging"

	"atriptoken/atlas"
	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/secret"
)

// The exit codes.
const (
	done       = 0
	refused    = 1
	impossible = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stderr))
}

type flags struct {
	stack, secret, region, profile, atlasURL string
	unchecked                                bool
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("putsecret", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.stack, "stack", "", "the CloudFormation stack whose secret is filled")
	set.StringVar(&f.secret, "secret", "", "ARN or name of the secret, instead of -stack")
	set.StringVar(&f.region, "region", "", "the AWS Region; otherwise the environment's or the profile's")
	set.StringVar(&f.profile, "profile", "", "the AWS profile; otherwise the environment's")
	set.StringVar(&f.atlasURL, "atlas-url", "", "Atlas's base URL to check against; otherwise the stack's")
	set.BoolVar(&f.unchecked, "unchecked", false, "store without asking Atlas, as when Atlas does not list this machine's address")
	set.Usage = func() {
		fmt.Fprint(stderr, "usage: putsecret -stack NAME | -secret ARN [flags]\n\n"+
			"Asks for the Atlas client id and secret, or reads {\"clientId\":\"…\",\"clientSecret\":\"…\"} or two lines from standard input.\n\n")
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
		return done
	}
	say := func(format string, args ...any) { fmt.Fprintf(stderr, "putsecret: "+format+"\n", args...) }
	if err != nil {
		say("%v", err)
		return impossible
	}
	// The SDK's own remarks would stand between the lines.
	aws, err := config.LoadDefaultConfig(ctx, config.WithRegion(f.region), config.WithSharedConfigProfile(f.profile), config.WithLogger(logging.Nop{}))
	if err != nil {
		say("the AWS configuration cannot be read: %v", err)
		return impossible
	}
	if cause, mend := diagnosis.Unset(ctx, aws); cause != "" {
		say("%s; %s", cause, mend)
		return impossible
	}
	to, err := find(ctx, aws, f)
	if err != nil {
		say("%s", explain(err))
		return impossible
	}
	text, err := ask(stdin, stderr)
	if err != nil {
		say("%v", err)
		return impossible
	}
	credentials, err := secret.Parse(text, "")
	if err != nil {
		say("%v", err)
		return refused
	}
	if !f.unchecked {
		err := check(ctx, to.baseURL, credentials)
		switch {
		case errors.Is(err, atlas.ErrRefused):
			say("Atlas refuses these credentials (%v); nothing was stored. When Atlas does not list this machine's address, give -unchecked.", err)
			return refused
		case err == nil:
			say("Atlas takes these credentials")
		default:
			say("whether Atlas takes these credentials is not known (%v)", err)
		}
	}
	client := secretsmanager.NewFromConfig(aws)
	stored, err := store(ctx, client, to.secretID, credentials)
	if err != nil {
		say("the secret was not changed: %s", explain(err))
		return impossible
	}
	if !stored.changed {
		say("the secret holds these credentials already (version %s); nothing was changed", stored.version)
		return done
	}
	say("stored as version %s; the broker takes it up by itself, within ATRIP_SECRET_TTL or as soon as Atlas refuses the old one", stored.version)
	return done
}

// explain puts an error into one line, AWS's with what to do about it.
func explain(err error) string {
	var own ownError
	if errors.As(err, &own) {
		return own.Error()
	}
	cause, mend := diagnosis.Explain(err)
	return cause + "; " + mend
}

// ownError is an error that is already in words for people.
type ownError string

// Error returns the words.
func (e ownError) Error() string { return string(e) }

// checkLimit bounds the question to Atlas.
const checkLimit = 15 * time.Second

func check(ctx context.Context, baseURL string, credentials secret.Credentials) error {
	base, err := atlas.ParseBaseURL(baseURL, false)
	if err != nil {
		return fmt.Errorf("the base URL %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	client := &atlas.Client{BaseURL: base}
	return client.CheckCredentials(ctx, atlas.Credentials{ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret})
}
