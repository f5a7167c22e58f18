package handler

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"atriptoken/atlas"
	"atriptoken/secret"
)

// Account is one Atlas account: where it is, and what it is opened with.
type Account struct {
	Atlas  *atlas.Client
	Secret *secret.Store

	breaker *breaker
}

// DefaultAccount is the name of the account that every deployment has.
const DefaultAccount = "default"

// accountHeader names an account in an HTTP request.
const accountHeader = "x-atrip-account"

// accountName matches the names of accounts, which occur in policies, headers
// and audit lines.
var accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// CheckAccountName returns an error unless name can be a further account's.
func CheckAccountName(name string) error {
	if name == DefaultAccount || !accountName.MatchString(name) {
		return fmt.Errorf("the account name %q is not 1 to 32 lower-case letters, digits and hyphens, or is %q", name, DefaultAccount)
	}
	return nil
}

// accounts are the accounts by name.
type accounts struct {
	named map[string]*Account
	names []string // sorted
}

func newAccounts(standard Account, further map[string]Account, now func() time.Time) accounts {
	named := make(map[string]*Account, 1+len(further))
	named[DefaultAccount] = &standard
	for name, account := range further {
		named[name] = &account
	}
	for _, account := range named {
		account.breaker = newBreaker(now)
	}
	return accounts{named, slices.Sorted(maps.Keys(named))}
}

// asked returns the accounts that a request may be about: the one that it
// names, or else all; none when it names one that there is not. The policy has to permit it, so
// that an account which does not exist is refused like one that is closed.
func (a accounts) asked(r *httpRequest) []string {
	if r != nil {
		switch values := r.header[accountHeader]; {
		case len(values) == 1 && a.named[values[0]] != nil:
			return values
		case len(values) > 0:
			return nil
		}
	}
	return a.names
}

// choose returns the account that is taken: the only one that is permitted, or
// the only one that was asked for, or else the default one, which may be denied.
func choose(names, permitted []string) string {
	switch {
	case len(permitted) == 1:
		return permitted[0]
	case len(names) == 1:
		return names[0]
	}
	return DefaultAccount
}
