package function

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"atriptoken/atlas"
	"atriptoken/handler"
)

// Environment is the function's configuration. The README's table describes the
// variables; a test compares the two.
type Environment struct {
	BaseURL        string        `env:"ATLAS_BASE_URL"`
	SecretARN      string        `env:"ATLAS_SECRET_ARN"`
	ClientID       string        `env:"ATLAS_CLIENT_ID"`
	Roles          []string      `env:"ATLAS_ROLES" envDefault:"Customer service,Finance,Developer,Admin"`
	PortalHosts    string        `env:"ATLAS_PORTAL_HOSTS" envDefault:"atriptech.com,*.atriptech.com"`
	AttemptTimeout time.Duration `env:"ATLAS_ATTEMPT_TIMEOUT" envDefault:"8s"`
	SecretTTL      time.Duration `env:"ATRIP_SECRET_TTL" envDefault:"5m"`
	PolicyFile     string        `env:"ATRIP_POLICY_FILE" envDefault:"policies/default.cedar"`
	CandidateFile  string        `env:"ATRIP_POLICY_CANDIDATE_FILE"`
	Accounts       string        `env:"ATRIP_ACCOUNTS"`
	NameClaim      string        `env:"ATRIP_OPERATOR_NAME_CLAIM" envDefault:"email"`
	GroupsClaim    string        `env:"ATRIP_OPERATOR_GROUPS_CLAIM" envDefault:"groups"`

	// Set by Lambda and the SAM CLI.
	LogLevel string `env:"AWS_LAMBDA_LOG_LEVEL" envDefault:"INFO"`
	Function string `env:"AWS_LAMBDA_FUNCTION_NAME" envDefault:"atriptoken"`
	Version  string `env:"AWS_LAMBDA_FUNCTION_VERSION" envDefault:"$LATEST"`
	TaskRoot string `env:"LAMBDA_TASK_ROOT"`
	Region   string `env:"AWS_REGION"`
	SAMLocal bool   `env:"AWS_SAM_LOCAL"`
	// GoDebug is read by the Go runtime and net/http.
	GoDebug string `env:"GODEBUG"`

	baseURL  *url.URL
	hosts    atlas.Hosts
	accounts map[string]account // by name; that of the ATLAS_ variables is handler.DefaultAccount
}

// ReadEnvironment reads and checks the variables. An empty variable counts as
// unset, because templates pass on empty parameters. The error names every bad
// variable on one line.
func ReadEnvironment(variables map[string]string) (Environment, error) {
	set := map[string]string{}
	for name, value := range variables {
		if value != "" {
			set[name] = value
		}
	}
	var e Environment
	var bad faults
	if err := env.ParseWithOptions(&e, env.Options{Environment: set}); err != nil {
		bad.parse(err)
	}
	e.check(&bad)
	if len(bad) > 0 {
		return Environment{}, bad
	}
	return e, nil
}

// faults are sentences that begin with the bad variable's name, one for each.
type faults []string

// Error returns them on one line.
func (f faults) Error() string { return "the environment is not valid: " + strings.Join(f, "; ") }

// check adds a fault if the variable is bad and has none yet.
func (f *faults) check(bad bool, variable, format string, args ...any) {
	named := slices.ContainsFunc(*f, func(fault string) bool { return strings.HasPrefix(fault, variable+" ") })
	if bad && !named {
		*f = append(*f, variable+" "+fmt.Sprintf(format, args...))
	}
}

// parse adds the parser's errors: values of the wrong type.
func (f *faults) parse(err error) {
	var all env.AggregateError
	errors.As(err, &all)
	for _, err := range all.Errors {
		var field env.ParseError
		errors.As(err, &field)
		switch field.Name {
		case "AttemptTimeout":
			f.check(true, "ATLAS_ATTEMPT_TIMEOUT", "is not a duration; write one like 8s")
		case "SecretTTL":
			f.check(true, "ATRIP_SECRET_TTL", "is not a duration; write one like 5m")
		case "SAMLocal":
			f.check(true, "AWS_SAM_LOCAL", "is neither true nor false")
		default:
			*f = append(*f, err.Error())
		}
	}
}

var (
	region    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)
	logLevels = []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
)

// check applies the rules that the parser does not know.
func (e *Environment) check(f *faults) {
	f.check(e.BaseURL == "", "ATLAS_BASE_URL", "is missing; set the account's base URL, like https://sandbox.atriptech.com")
	var err error
	e.baseURL, err = atlas.ParseBaseURL(e.BaseURL, e.SAMLocal)
	f.check(err != nil, "ATLAS_BASE_URL", "%v", err)
	e.hosts, err = atlas.ParseHosts(e.PortalHosts)
	f.check(err != nil, "ATLAS_PORTAL_HOSTS", "%s", oneLine(err))
	const unresolved = "is an unresolved {{resolve:…}} reference"
	f.check(e.SecretARN == "", "ATLAS_SECRET_ARN", "is missing; set the secret's ARN or name")
	f.check(isReference(e.SecretARN), "ATLAS_SECRET_ARN", unresolved+"; set the secret's ARN or name")
	f.check(!secretID(e.SecretARN), "ATLAS_SECRET_ARN", "is not the ARN or name of a secret")
	f.check(!plainWord(e.ClientID), "ATLAS_CLIENT_ID", "is not a client id")
	for i, role := range e.Roles {
		e.Roles[i] = strings.TrimSpace(role)
	}
	roles := strings.Join(e.Roles, ",")
	f.check(slices.Contains(e.Roles, ""), "ATLAS_ROLES", "has an empty role; write a list like Customer service,Finance")
	f.check(strings.ContainsFunc(roles, handler.ControlCharacter), "ATLAS_ROLES", "contains a control character")
	f.check(isReference(roles), "ATLAS_ROLES", unresolved)
	f.check(!plainWord(e.NameClaim), "ATRIP_OPERATOR_NAME_CLAIM", "is not a claim's name")
	f.check(!plainWord(e.GroupsClaim), "ATRIP_OPERATOR_GROUPS_CLAIM", "is not a claim's name")
	f.check(e.Region != "" && !region.MatchString(e.Region), "AWS_REGION", "is not a Region; write one like eu-west-1")
	timeout, ttl := e.AttemptTimeout, e.SecretTTL
	f.check(timeout < 100*time.Millisecond || timeout > 15*time.Minute, "ATLAS_ATTEMPT_TIMEOUT", "is %v; set 100ms to 15m", timeout)
	f.check(ttl < time.Second || ttl > 24*time.Hour, "ATRIP_SECRET_TTL", "is %v; set 1s to 24h", ttl)
	f.check(!slices.Contains(logLevels, strings.ToUpper(e.LogLevel)), "AWS_LAMBDA_LOG_LEVEL", "must be DEBUG, INFO, WARN or ERROR")
	e.accounts = map[string]account{
		handler.DefaultAccount: {baseURL: e.baseURL, hosts: e.hosts, secretARN: e.SecretARN, clientID: e.ClientID},
	}
	e.checkAccounts(f)
	e.checkGoDebug(f)
}

// checkGoDebug refuses the settings that print to the log: http2debug prints
// request headers, the client secret among them.
func (e *Environment) checkGoDebug(f *faults) {
	for setting := range strings.SplitSeq(e.GoDebug, ",") {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "http2debug", "gctrace", "gcpacertrace", "inittrace", "scavtrace", "schedtrace", "netdns":
			f.check(strings.ContainsAny(value, "123456789"), "GODEBUG",
				"sets %s, which prints to the log; http2debug would print the client secret: remove it", name)
		}
	}
}
