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

// faults are sentences that begin with the bad variable's name.
type faults []string

// Error returns them on one line.
func (f faults) Error() string { return "the environment is not valid: " + strings.Join(f, "; ") }

func (f *faults) add(variable, format string, args ...any) {
	*f = append(*f, variable+" "+fmt.Sprintf(format, args...))
}

// parse adds the parser's errors: values of the wrong type.
func (f *faults) parse(err error) {
	var all env.AggregateError
	if !errors.As(err, &all) {
		all.Errors = []error{err}
	}
	for _, err := range all.Errors {
		var field env.ParseError
		errors.As(err, &field)
		switch field.Name {
		case "AttemptTimeout":
			f.add("ATLAS_ATTEMPT_TIMEOUT", "is not a duration; write one like 8s")
		case "SecretTTL":
			f.add("ATRIP_SECRET_TTL", "is not a duration; write one like 5m")
		case "SAMLocal":
			f.add("AWS_SAM_LOCAL", "is neither true nor false")
		default:
			*f = append(*f, err.Error())
		}
	}
}

// duration adds a fault if the duration is out of range and was parsed.
func (f *faults) duration(variable string, d, least, most time.Duration, limits string) {
	parsed := !slices.ContainsFunc(*f, func(fault string) bool { return strings.HasPrefix(fault, variable+" ") })
	if parsed && (d < least || d > most) {
		f.add(variable, "is %v; set %s", d, limits)
	}
}

// checkGoDebug refuses the settings that print to the log: http2debug prints
// request headers, the client secret among them.
func (e *Environment) checkGoDebug(bad *faults) {
	for setting := range strings.SplitSeq(e.GoDebug, ",") {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "http2debug", "gctrace", "gcpacertrace", "inittrace", "scavtrace", "schedtrace", "netdns":
			if strings.ContainsAny(value, "123456789") {
				bad.add("GODEBUG", "sets %s, which prints to the log; http2debug would print the client secret: remove it", name)
			}
		}
	}
}

var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// check applies the rules that the parser does not know.
func (e *Environment) check(bad *faults) {
	var err error
	if e.BaseURL == "" {
		bad.add("ATLAS_BASE_URL", "is missing; set the account's base URL, like https://sandbox.atriptech.com")
	} else if e.baseURL, err = atlas.ParseBaseURL(e.BaseURL, e.SAMLocal); err != nil {
		bad.add("ATLAS_BASE_URL", "%v", err)
	}
	switch {
	case e.SecretARN == "":
		bad.add("ATLAS_SECRET_ARN", "is missing; set the secret's ARN or name")
	case strings.Contains(e.SecretARN, "{{resolve:"):
		bad.add("ATLAS_SECRET_ARN", "is an unresolved {{resolve:…}} reference; set the secret's ARN or name")
	case !secretID(e.SecretARN):
		bad.add("ATLAS_SECRET_ARN", "is not the ARN or name of a secret")
	}
	if !plainWord(e.ClientID) {
		bad.add("ATLAS_CLIENT_ID", "is not a client id")
	}
	for i, role := range e.Roles {
		e.Roles[i] = strings.TrimSpace(role)
	}
	roles := strings.Join(e.Roles, ",")
	switch {
	case slices.Contains(e.Roles, "") || len(e.Roles) == 0:
		bad.add("ATLAS_ROLES", "has an empty role; write a list like Customer service,Finance")
	case strings.ContainsFunc(roles, handler.ControlCharacter):
		bad.add("ATLAS_ROLES", "contains a control character")
	case strings.Contains(roles, "{{resolve:"):
		bad.add("ATLAS_ROLES", "is an unresolved {{resolve:…}} reference")
	}
	if !plainWord(e.NameClaim) {
		bad.add("ATRIP_OPERATOR_NAME_CLAIM", "is not a claim's name")
	}
	if !plainWord(e.GroupsClaim) {
		bad.add("ATRIP_OPERATOR_GROUPS_CLAIM", "is not a claim's name")
	}
	if e.Region != "" && !region.MatchString(e.Region) {
		bad.add("AWS_REGION", "is not a Region; write one like eu-west-1")
	}
	if e.hosts, err = atlas.ParseHosts(e.PortalHosts); err != nil {
		bad.add("ATLAS_PORTAL_HOSTS", "%s", oneLine(err))
	}
	e.accounts = map[string]account{
		handler.DefaultAccount: {baseURL: e.baseURL, hosts: e.hosts, secretARN: e.SecretARN, clientID: e.ClientID},
	}
	e.checkAccounts(bad)
	e.checkGoDebug(bad)
	bad.duration("ATLAS_ATTEMPT_TIMEOUT", e.AttemptTimeout, 100*time.Millisecond, 15*time.Minute, "100ms to 15m")
	bad.duration("ATRIP_SECRET_TTL", e.SecretTTL, time.Second, 24*time.Hour, "1s to 24h")
	if !slices.Contains([]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, strings.ToUpper(e.LogLevel)) {
		bad.add("AWS_LAMBDA_LOG_LEVEL", "must be DEBUG, INFO, WARN or ERROR")
	}
}
