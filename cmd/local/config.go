package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"atriptoken/cmd/local/internal/idp"
	"atriptoken/internal/function"
	"atriptoken/internal/policycheck"
)

const (
	defaultPolicy = "policy/default.cedar"
)

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
	accounts := map[string]any{}
	for _, name := range c.Accounts {
		accounts[name] = map[string]string{"baseUrl": atlasURL, "secretArn": secretARN}
	}
	set := map[string]string{
		"ATRIP_POLICY_FILE":           c.Policy,
		"ATLAS_ROLES":                 strings.Join(c.Roles, ","),
		"ATRIP_OPERATOR_NAME_CLAIM":   c.NameClaim,
		"ATRIP_OPERATOR_GROUPS_CLAIM": c.GroupsClaim,
	}
	if len(accounts) > 0 {
		text, _ := json.Marshal(accounts) // cannot fail
		set["ATRIP_ACCOUNTS"] = string(text)
	}
	for name, value := range set {
		if value == "" {
			delete(set, name)
		}
	}
	return set
}

// checkOperators refuses operators who could not sign in, or who would have no
// name.
func checkOperators(operators []idp.Operator, nameClaim string) error {
	var bad []error
	for i, o := range operators {
		named := nameClaim == "email" || nameClaim == "sub" || nameClaim == "name" && o.Name != "" || o.Claims[nameClaim] != nil
		if o.Email == "" || !named {
			bad = append(bad, fmt.Errorf("operators: number %d (%s) needs an email, and the claim %s, which names the operator",
				i+1, o.Email, nameClaim))
		}
	}
	return errors.Join(bad...)
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
