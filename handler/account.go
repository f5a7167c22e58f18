package handler

import (
	"atriptoken/atlas"
	"atriptoken/secret"
)

// Account is one Atlas account.
type Account struct {
	Atlas  *atlas.Client
	Secret *secret.Store

	breaker *breaker
}

// DefaultAccount is the name of the account that every deployment has.
const DefaultAccount = "default"

// accountHeader names an account in an HTTP request.
const accountHeader = "x-atrip-account"

// candidates returns the accounts that a request may use: the one that it names,
// or all. It returns none if the named account is not configured, so that the
// refusal does not reveal which accounts exist.
func (h *Handler) candidates(r *httpRequest) []string {
	if r != nil {
		switch values := r.header[accountHeader]; {
		case len(values) == 1 && h.config.Accounts[values[0]] != nil:
			return values
		case len(values) > 0:
			return nil
		}
	}
	return h.names
}

// pick returns the account to use: the only permitted one, else the only
// candidate, else the default one, which may be denied.
func pick(candidates, permitted []string) string {
	switch {
	case len(permitted) == 1:
		return permitted[0]
	case len(candidates) == 1:
		return candidates[0]
	}
	return DefaultAccount
}
