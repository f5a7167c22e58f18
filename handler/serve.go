package handler

import (
	"context"
	"log/slog"
	"slices"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// accountHeader names an account in an HTTP request.
const accountHeader = "x-atrip-account"

// serve checks the event, decides and calls Atlas.
func (h *Handler) serve(ctx context.Context, payload []byte, c *caller, r *record) (atlas.Reply, *fault) {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	r.text("caller", c.name)
	if !h.opens(r.door, c) {
		r.text("unidentified", "the alias does not accept this caller")
		return atlas.Reply{}, &fault{code: NotPermitted, detail: "This alias does not accept this kind of request."}
	}
	e, f := parseEvent(payload, r.door)
	if f != nil {
		return atlas.Reply{}, f
	}
	in := c.read(e, claimNames{h.config.NameClaim, h.config.GroupsClaim})
	r.text("gatewayRequestId", in.gatewayID, "principal", in.identity.String(), "unidentified", in.identity.reason,
		"issuer", in.identity.issuer, "operatorName", in.identity.Name())
	if in.http != nil {
		r.list("droppedHeaders", in.http.dropped())
		if f := in.http.route(); f != nil {
			return atlas.Reply{}, f
		}
	}
	if in.identity.IsAnonymous() && !h.config.SAMLocal {
		return atlas.Reply{}, &fault{code: NotPermitted, detail: "The request carries no identity that the broker accepts."}
	}
	body, f := in.content()
	if f != nil {
		return atlas.Reply{}, f
	}
	request, faults := readRequest(body, h.config.Roles, in.identity.Name())
	if len(faults) > 0 {
		return atlas.Reply{}, &fault{code: InvalidRequest, detail: "The body has faults; errors names each.", fields: faults}
	}
	r.text("userName", request.UserName, "role", request.Role, "orderNo", request.OrderNo)
	account, f := h.decide(in, request, r)
	if f != nil {
		return atlas.Reply{}, f
	}
	return h.call(ctx, account, request, r)
}

// decide asks the policy about the values that would be sent to Atlas, and
// returns the account to send them to.
func (h *Handler) decide(in inbound, request atlas.Request, r *record) (*Account, *fault) {
	names := h.candidates(in.http)
	if len(names) == 0 {
		r.text("cause", "the header "+accountHeader+" names no configured account")
		return nil, denied(in.identity, request)
	}
	question := policy.Question{
		Principal: in.identity.Principal,
		OrderNo:   request.OrderNo, UserName: request.UserName, Role: request.Role,
		Door: r.door, SourceIP: in.sourceIP, Now: h.config.Now(),
	}
	var permitted []string
	decisions := make([]policy.Decision, len(names))
	for i, name := range names {
		question.Account = name
		if decisions[i] = h.config.Policy.Decide(question); decisions[i].Allowed {
			permitted = append(permitted, name)
		}
	}
	picked := pick(names, permitted)
	decision := decisions[slices.Index(names, picked)]
	question.Account = picked
	r.text("account", picked)
	r.list("policies", decision.Policies)
	r.list("policyErrors", decision.Errors)
	h.compare(question, decision, r)
	switch {
	case decision.Allowed:
		return h.config.Accounts[picked], nil
	case len(permitted) > 0:
		return nil, &fault{code: NotPermitted,
			detail: "You may use several Atlas accounts, and the default one is not among them; name one in the header " + accountHeader + "."}
	}
	return nil, denied(in.identity, request)
}

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

// denied helps an honest caller and reveals no rule.
func denied(who identity, request atlas.Request) *fault {
	if who.IsOperator() && request.UserName != who.Name() {
		return &fault{code: NotPermitted,
			detail: "You may open the portal only as yourself; leave userName out, or send the name you are signed in with."}
	}
	return &fault{code: NotPermitted, detail: "You may not open the portal with this user name and role."}
}

// compare records where the candidate policy's decision differs.
func (h *Handler) compare(question policy.Question, decision policy.Decision, r *record) {
	if h.config.Candidate == nil {
		return
	}
	differs := 0.0
	if c := h.config.Candidate.Decide(question); c.Allowed != decision.Allowed {
		differs = 1
		r.attrs = append(r.attrs, slog.Group("candidate", "allowed", c.Allowed, "policies", c.Policies, "policyErrors", c.Errors))
	}
	r.add("CandidateDiffers", "Count", differs)
}
