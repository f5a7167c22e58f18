// Package function assembles the broker from environment, secret, Atlas, policy
// and handler. cmd/lambda runs it in Lambda, cmd/local on one machine.
package function

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/atlas"
	"atriptoken/handler"
	"atriptoken/policy"
	"atriptoken/secret"
)

// initBudget bounds the waits of New, so that a slow network stays far below the
// 10 s after which Lambda restarts INIT (Lambda developer guide, "Lambda execution
// environment lifecycle").
const initBudget = 3 * time.Second

// New returns the function's handler, configured by environment variables. It
// logs to stdout, one write per line.
//
// New fetches the secrets and opens the connections to Atlas concurrently and
// waits for both. Neither failure is fatal; each call retries. New fails only for
// an invalid configuration or policy, and the error says how to fix it.
func New(ctx context.Context, variables map[string]string, stdout io.Writer) (*handler.Handler, error) {
	environment, err := ReadEnvironment(variables)
	if err != nil {
		return nil, err
	}
	logger := NewLogger(variables, stdout)
	ctx, cancel := context.WithTimeout(ctx, initBudget)
	defer cancel()
	var ready sync.WaitGroup
	accounts, err := connect(ctx, environment, logger, &ready)
	if err != nil {
		return nil, err
	}
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
	ready.Wait()
	return handler.New(handler.Config{
		Accounts:       accounts,
		Policy:         rules,
		PolicyModified: modified,
		Candidate:      candidate,
		Roles:          environment.Roles,
		NameClaim:      environment.NameClaim,
		GroupsClaim:    environment.GroupsClaim,
		AttemptTimeout: environment.AttemptTimeout,
		SAMLocal:       environment.SAMLocal,
		Function:       environment.Function,
		Version:        environment.Version,
		Logger:         logger,
	}), nil
}

// connect starts to open the connections to Atlas and to fetch the secrets, and
// returns the accounts. ready reports when both are done.
func connect(ctx context.Context, e Environment, logger *slog.Logger, ready *sync.WaitGroup) (map[string]*handler.Account, error) {
	clients := map[string]*atlas.Client{}
	for name, a := range e.accounts { // first: TLS handshakes take longest
		client := &atlas.Client{BaseURL: a.baseURL, PortalHosts: a.hosts, Transport: atlas.NewTransport()}
		clients[name] = client
		ready.Go(func() {
			if err := client.Connect(ctx); err != nil {
				logger.Warn("no connection to Atlas yet; each call tries again: "+err.Error(), "event", "atlas_unreachable", "account", name)
			}
		})
	}
	// Everything comes from the environment, nothing from shared configuration files.
	awsConfig, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}))
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration cannot be loaded: %w", err)
	}
	secrets := secretsmanager.NewFromConfig(awsConfig)
	accounts := map[string]*handler.Account{}
	for name, a := range e.accounts {
		source := &secret.SecretsManager{Client: secrets, ID: a.secretARN, ClientID: a.clientID}
		store := &secret.Store{Fetch: source.Fetch, TTL: e.SecretTTL, Logger: logger.With("account", name)}
		ready.Go(func() { _, _ = store.Get(ctx) }) // the store logs failures
		accounts[name] = &handler.Account{Atlas: clients[name], Secret: store}
	}
	return accounts, nil
}

// readPolicy reads the policy file that the variable names, relative to the
// artifact's root, and its modification time.
func readPolicy(e Environment, variable, name string) (*policy.Policy, time.Time, error) {
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(e.TaskRoot, file)
	}
	text, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err = cmp.Or(err, statErr); err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: the policy cannot be read: %w (the artifact's are in policies/, a layer's in /opt)",
			variable, err)
	}
	rules, err := policy.Parse(name, text)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s: %w", variable, err)
	}
	if rules.PermitsAnonymous() && !e.SAMLocal {
		return nil, time.Time{}, fmt.Errorf("%s: %s has a permit for callers without an identity (`principal is Anonymous`); "+
			"it is allowed only where AWS_SAM_LOCAL is set, for SAM's local gateway", variable, name)
	}
	return rules, info.ModTime(), nil
}

// NewLogger returns a logger of JSON lines with Lambda's field names. It ignores
// AWS_LAMBDA_LOG_FORMAT: CloudWatch extracts the metrics only from JSON.
func NewLogger(variables map[string]string, stdout io.Writer) *slog.Logger {
	levels := map[string]slog.Level{ // INFO is the zero value
		"TRACE": slog.LevelDebug, "DEBUG": slog.LevelDebug, "WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError,
	}
	level := levels[strings.ToUpper(variables["AWS_LAMBDA_LOG_LEVEL"])]
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: lambdacontext.ReplaceAttr}
	return slog.New(slog.NewJSONHandler(escaper{stdout}, options))
}

// escaper writes lines of JSON in which control characters are escaped that
// encoding/json does not escape: DEL, C1 controls and marks that reorder text.
type escaper struct{ io.Writer }

func (e escaper) Write(line []byte) (int, error) {
	var escaped []byte
	for _, r := range string(line) {
		if handler.ControlCharacter(r) && r != '\n' {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	_, err := e.Writer.Write(escaped)
	return len(line), err
}
