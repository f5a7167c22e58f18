// Package function puts the broker together: environment, secret, Atlas,
// policy, handler. cmd/lambda runs it in Lambda and cmd/local on one machine.
package function

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/atlas"
	"atriptoken/handler"
	"atriptoken/policy"
	"atriptoken/secret"
)

// initBudget bounds what New waits for. Lambda gives INIT 10 s and then starts
// it over (Lambda developer guide, "Lambda execution environment lifecycle"); a
// slow network must not come near that.
const initBudget = 3 * time.Second

// New returns the function's handler, from the environment variables given,
// which main takes from the process; log lines go to stdout, one write each.
//
// It fetches the secret and opens the connection to Atlas beside each other,
// and waits for both within a bound. That either fails stops nothing: callers
// are told, and it is tried again. What stops the start, with an error that
// says what to mend, is a bad environment and a bad policy.
func New(ctx context.Context, variables map[string]string, stdout io.Writer) (*handler.Handler, error) {
	environment, err := ReadEnvironment(variables)
	if err != nil {
		return nil, err
	}
	logger := newLogger(environment.LogLevel, stdout)

	var ready sync.WaitGroup
	ctx, cancel := context.WithTimeout(ctx, initBudget)
	defer cancel()
	clients := map[string]*atlas.Client{}
	for name, a := range environment.allAccounts() {
		client := &atlas.Client{BaseURL: a.baseURL, PortalHosts: a.hosts}
		clients[name] = client
		ready.Go(func() {
			if err := client.Connect(ctx); err != nil {
				logger.Warn("no connection to Atlas yet; each call tries again: "+err.Error(), "event", "atlas_unreachable", "account", name)
			}
		})
	}

	awsConfig, err := config.LoadDefaultConfig(ctx, sources(variables)...)
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration cannot be loaded: %w", err)
	}
	secrets := secretsmanager.NewFromConfig(awsConfig)
	accounts := map[string]handler.Account{}
	for name, a := range environment.allAccounts() {
		source := &secret.SecretsManager{Client: secrets, ID: a.secretARN, ClientID: a.clientID}
		store := &secret.Store{Fetch: source.Fetch, TTL: environment.SecretTTL, Logger: logger.With("account", name)}
		ready.Go(func() {
			// The store logs what is wrong and what to do about it.
			_, _ = store.Get(ctx)
		})
		accounts[name] = handler.Account{Atlas: clients[name], Secret: store}
	}
	standard := accounts[handler.DefaultAccount]
	delete(accounts, handler.DefaultAccount)

	rules, modified, err := readPolicy(environment, "ATRIP_POLICY_FILE", environment.PolicyFile)
	if err != nil {
		return nil, err
	}
	var candidate *policy.Policy
	if environment.CandidateFile != "" {
		if candidate, _, err = readPolicy(environment, "ATRIP_POLICY_CANDIDATE_FILE", environment.CandidateFile); err != nil {
			return nil, err
		}
	}
	h, err := handler.New(handler.Config{
		Account:        standard,
		Accounts:       accounts,
		Policy:         rules,
		PolicyModified: modified,
		Candidate:      candidate,
		Roles:          environment.Roles,
		NameClaim:      environment.NameClaim,
		GroupsClaim:    environment.GroupsClaim,
		AttemptTimeout: environment.AttemptTimeout,
		AllowAnonymous: environment.SAMLocal,
		Function:       environment.Function,
		Logger:         logger,
	})
	if err != nil {
		return nil, err
	}
	ready.Wait()
	return h, nil
}

// sources keeps the SDK from looking for shared configuration files on Lambda:
// everything comes from the environment there.
func sources(variables map[string]string) []func(*config.LoadOptions) error {
	if variables["AWS_LAMBDA_RUNTIME_API"] == "" {
		return nil
	}
	return []func(*config.LoadOptions) error{config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{})}
}

// readPolicy reads the policy file that the variable names, relative to the
// artifact's root, and tells when it was last changed.
func readPolicy(e Environment, variable, name string) (*policy.Policy, time.Time, error) {
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(e.TaskRoot, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: the policy cannot be read: %w", variable, err)
	}
	rules, err := policy.Parse(name, text)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: %w", variable, err)
	}
	if rules.PermitsAnonymous() && !e.SAMLocal {
		return nil, time.Time{}, fmt.Errorf("%s: %s has a permit for callers without an identity (`principal is Anonymous`, or no type of principal at all); "+
			"that is for SAM's local gateway only, where AWS_SAM_LOCAL is set: write `principal is …` into the head of every permit", variable, name)
	}
	var modified time.Time
	if info, err := os.Stat(file); err == nil {
		modified = info.ModTime()
	}
	return rules, modified, nil
}

// newLogger logs JSON lines with Lambda's names for the fields, whatever
// AWS_LAMBDA_LOG_FORMAT says: the audit line carries the metrics, and
// CloudWatch finds them in JSON only.
func newLogger(level string, stdout io.Writer) *slog.Logger {
	least := slog.LevelInfo
	switch strings.ToUpper(level) {
	case "TRACE", "DEBUG":
		least = slog.LevelDebug
	case "WARN":
		least = slog.LevelWarn
	case "ERROR", "FATAL":
		least = slog.LevelError
	}
	return slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: least, ReplaceAttr: lambdacontext.ReplaceAttr}))
}
