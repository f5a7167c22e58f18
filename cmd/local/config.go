package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/goccy/go-yaml"

	"atriptoken/cmd/local/internal/idp"
	"atriptoken/internal/function"
	"atriptoken/internal/policycheck"
)

const defaultPolicy = "policy/default.cedar"

// options are the command's flags.
type options struct {
	port           int
	origin, config string
	json           bool
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.port, "port", 8400,
		"first of five `port`s: the console, the API, the identity provider, Atlas and Secrets Manager; 0 takes any free ones")
	flags.StringVar(&o.origin, "origin", "",
		"`origin` of a page of your own that may call the API and ask for tokens, like http://127.0.0.1:3000")
	flags.StringVar(&o.config, "config", "",
		"`file` with your own operators, claims, roles, accounts and policy, like docs/examples/local.yaml")
	flags.BoolVar(&o.json, "json", false, "print log lines as they are, in JSON")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q; -help lists the flags", flags.Arg(0))
	}
	if u, err := url.Parse(o.origin); o.origin != "" && (err != nil || u.Host == "" || o.origin != u.Scheme+"://"+u.Host) {
		return options{}, fmt.Errorf(
			"-origin %q is not an origin; write scheme, host and port, and nothing after them, like http://127.0.0.1:3000", o.origin)
	}
	return o, nil
}

// config is the file of -config: what differs from the built-in example.
// docs/examples/local.yaml describes it.
type config struct {
	Policy      string
	Roles       []string
	Accounts    []string
	NameClaim   string `yaml:"nameClaim"`
	GroupsClaim string `yaml:"groupsClaim"`
	Operators   []idp.Operator
	// Issuer and Audience replace the example's identity provider.
	Issuer, Audience string
}

// readConfig reads the file; without one, the example's operators sign in.
func readConfig(file string) (config, error) {
	var c config
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return config{}, fmt.Errorf("-config: %w", err)
		}
		if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
			return config{}, fmt.Errorf("-config %s: %w", file, err)
		}
	}
	if c.Policy != "" && !filepath.IsAbs(c.Policy) {
		c.Policy = filepath.Join(filepath.Dir(file), c.Policy)
	}
	if c.Operators == nil {
		c.Operators = idp.Examples
	}
	if (c.Issuer == "") != (c.Audience == "") {
		return config{}, fmt.Errorf("-config %s: issuer and audience need each other", file)
	}
	return c, nil
}

// variables are the function's variables that the file sets.
func (c config) variables(atlasURL, secretARN string) map[string]string {
	set := map[string]string{
		"ATRIP_POLICY_FILE":           c.Policy,
		"ATLAS_ROLES":                 strings.Join(c.Roles, ","),
		"ATRIP_OPERATOR_NAME_CLAIM":   c.NameClaim,
		"ATRIP_OPERATOR_GROUPS_CLAIM": c.GroupsClaim,
	}
	if len(c.Accounts) > 0 {
		accounts := map[string]any{}
		for _, name := range c.Accounts {
			accounts[name] = map[string]string{"baseUrl": atlasURL, "secretArn": secretARN}
		}
		text, _ := json.Marshal(accounts) // cannot fail
		set["ATRIP_ACCOUNTS"] = string(text)
	}
	maps.DeleteFunc(set, func(_, value string) bool { return value == "" })
	return set
}

// functionVariables are the function's variables: the simulators', the file's,
// and those of the shell that neither of them sets. The log names the others.
func (s *system) functionVariables() (map[string]string, error) {
	parameters, err := env.GetFieldParams(&function.Environment{})
	if err != nil {
		return nil, err
	}
	simulated := map[string]string{
		"ATLAS_BASE_URL": s.at.Atlas, "ATLAS_SECRET_ARN": s.secrets.ARN, "ATLAS_CLIENT_ID": "", "ATLAS_PORTAL_HOSTS": "",
	}
	variables := map[string]string{"ATRIP_POLICY_FILE": defaultPolicy, "AWS_LAMBDA_FUNCTION_NAME": "atrip-token"}
	fromFile := s.config.variables(s.at.Atlas, s.secrets.ARN)
	for _, name := range slices.Sorted(maps.Keys(s.environ)) {
		_, isSimulated := simulated[name]
		_, isInFile := fromFile[name]
		known := slices.ContainsFunc(parameters, func(p env.FieldParams) bool { return p.Key == name })
		ignored := ""
		switch {
		case !strings.HasPrefix(name, "ATLAS_") && !strings.HasPrefix(name, "ATRIP_") && name != "AWS_LAMBDA_LOG_LEVEL", s.environ[name] == "":
			continue
		case isSimulated:
			ignored = "the simulators decide it"
		case isInFile:
			ignored = s.options.config + " sets it"
		case !known:
			ignored = "the function has no such variable"
		default:
			variables[name] = s.environ[name]
			continue
		}
		s.log.Warn(name + " is ignored: " + ignored)
	}
	maps.Copy(variables, simulated)
	maps.Copy(variables, fromFile)
	return variables, nil
}

// checkPolicies validates the function's policies against the schema.
func checkPolicies(e function.Environment) error {
	var bad []error
	for _, file := range []string{e.PolicyFile, e.CandidateFile} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, problem := range policycheck.Check(file, text) {
			if !problem.Warning {
				bad = append(bad, errors.New(problem.Excerpt()))
			}
		}
	}
	return errors.Join(bad...)
}
