// Command putsecret puts the Atlas credentials into the broker's secret. It asks for them without showing them, or reads
// them from standard input; they are never in an argument, in the environment, in a file or in its output.
//
// Before it stores them it asks Atlas whether it accepts them, without minting a link (see atlas.Client.CheckCredentials).
// Refused credentials are not stored. Storing what the secret holds already changes nothing. With -back it makes the
// newest older version current that Atlas does not refuse.
//
// Exit codes: 0 stored, or held already; 1 refused by Atlas; 2 something could not be done, or the command line is wrong;
// 3 not credentials; 4 Atlas could not be asked, and nothing was stored; 130 interrupted, and nothing was stored.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"atriptoken/atlas"
	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/secret"
)

// exitFailed is the exit code of an error that is none of exitCodes.
const exitFailed = 2

var exitCodes = map[error]int{errRefused: 1, errInvalid: 3, errUnchecked: 4, errInterrupted: 130}

var (
	errRefused   = errors.New("Atlas refuses these credentials")
	errUnchecked = errors.New("whether Atlas accepts these credentials is not known")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	code := putSecret(ctx, os.Args[1:], os.Stdin, os.Stderr)
	stop()
	os.Exit(code)
}

// run is one run: what the flags say, and what it talks to.
type run struct {
	stack, secret, atlasURL string
	unchecked, moveBack     bool
	clientID                string // of secrets in plain text, from the stack

	secrets  *secretsmanager.Client
	stdin    io.Reader
	terminal *bufio.Reader // stdin, if that is a terminal
	output   io.Writer
	writing  bool // the secret may have been changed
}

func parse(args []string, stderr io.Writer) (*run, error) {
	r := &run{output: stderr}
	set := flag.NewFlagSet("putsecret", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&r.stack, "stack", "", "the CloudFormation stack whose secret is filled")
	set.StringVar(&r.secret, "secret", "", "ARN or name of the secret, instead of -stack")
	set.StringVar(&r.atlasURL, "atlas-url", "", "Atlas's base URL to check against; otherwise the stack's")
	set.BoolVar(&r.unchecked, "unchecked", false, "store without asking Atlas, as when Atlas does not allow this machine's address")
	set.BoolVar(&r.moveBack, "back", false, "make the newest older version current that Atlas does not refuse; store nothing")
	set.Usage = func() {
		fmt.Fprint(stderr, "usage: putsecret -stack NAME | -secret ARN [flags]\n\n"+
			"Asks for the Atlas client id and secret, or reads {\"clientId\":\"…\",\"clientSecret\":\"…\"} or two lines "+
			"from standard input.\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return r, err
	}
	switch {
	case set.NArg() > 0:
		// Not quoted: it might be the secret.
		return r, errors.New("takes no arguments but flags; the credentials are asked for, or read from standard input")
	case (r.stack == "") == (r.secret == ""):
		return r, errors.New("give -stack or -secret")
	case r.secret != "" && r.atlasURL == "" && !r.unchecked:
		return r, errors.New("with -secret give -atlas-url to check the credentials against, or -unchecked")
	}
	return r, nil
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.output, "putsecret: "+format+"\n", args...)
}

func putSecret(ctx context.Context, args []string, stdin io.Reader, stderr io.Writer) int {
	r, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if r.stdin = stdin; err == nil {
		err = r.put(ctx)
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && !r.writing {
		err = errInterrupted
	}
	var api smithy.APIError
	var call *smithy.OperationError
	if errors.As(err, &api) || errors.As(err, &call) {
		outcome := "nothing was stored"
		if r.writing && api == nil {
			outcome = "whether it was stored is not known, run it again"
		}
		cause, fix := diagnosis.Explain(err)
		err = fmt.Errorf("%s: %s; %s", outcome, cause, fix)
	}
	r.say("%v", err)
	for kind, code := range exitCodes {
		if errors.Is(err, kind) {
			return code
		}
	}
	return exitFailed
}

// put reads the credentials, checks them and stores them; or it goes back to an older version.
func (r *run) put(ctx context.Context) error {
	restore, err := r.openTerminal()
	if err != nil {
		return err
	}
	defer restore()
	config, err := diagnosis.LoadConfig(ctx)
	if err != nil {
		return err
	}
	if cause, fix := diagnosis.Unset(ctx, config); cause != "" {
		return fmt.Errorf("%s; %s", cause, fix)
	}
	if err := r.fromStack(ctx, config); err != nil {
		return err
	}
	r.secrets = secretsmanager.NewFromConfig(config)
	if r.moveBack {
		return r.back(ctx)
	}
	credentials, err := r.readCredentials(ctx)
	if err != nil {
		return err
	}
	if err := r.check(ctx, credentials); err != nil {
		return err
	}
	return r.commit(ctx, func(ctx context.Context) error { return r.store(ctx, credentials) })
}

// writeTimeout bounds the calls that change the secret.
const writeTimeout = 20 * time.Second

// commit changes the secret, unless the run was interrupted. From here on it ignores an interruption: its last line must
// say what happened.
func (r *run) commit(ctx context.Context, change func(context.Context) error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	r.writing = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return change(ctx)
}

// checkTimeout bounds the question to Atlas.
const checkTimeout = 15 * time.Second

// check asks Atlas about the credentials. It fails if Atlas refuses them. If Atlas cannot be asked, the person at the
// terminal decides; without a terminal it fails.
func (r *run) check(ctx context.Context, credentials secret.Credentials) error {
	if r.unchecked {
		return nil
	}
	base, err := atlas.ParseBaseURL(r.atlasURL, false)
	if err != nil {
		return fmt.Errorf("the base URL %w", err)
	}
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	pair := atlas.Credentials{ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret}
	switch err = (&atlas.Client{BaseURL: base}).CheckCredentials(asking, pair); {
	case err == nil:
		r.say("Atlas accepts these credentials")
		return nil
	case errors.Is(err, atlas.ErrRefused):
		return fmt.Errorf("%w (%w); nothing was stored. If Atlas does not allow this machine's address, give -unchecked", errRefused, err)
	case r.terminal == nil:
		return fmt.Errorf("%w (%w); nothing was stored. To store them in any case, give -unchecked", errUnchecked, err)
	}
	r.say("%v (%v)", errUnchecked, err)
	answer, err := r.ask(ctx, "Store them in any case? Type yes (not shown): ")
	if err == nil && answer != "yes" {
		err = fmt.Errorf("%w; nothing was stored", errUnchecked)
	}
	return err
}
