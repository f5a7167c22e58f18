package handler

import (
	"context"
	"slices"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// serve takes the event from the door to Atlas's answer.
func (h *Handler) serve(ctx context.Context, e *event, c *caller, r *record) (atlas.Reply, *fault) {
	if c.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.within)
		defer cancel()
	}
	r.caller = c.name
	in := c.read(e, claimNames{h.config.NameClaim, h.config.GroupsClaim})
	r.gatewayID, r.principal, r.unidentified = in.gatewayID, in.identity.String(), in.identity.why
	if in.http != nil {
		r.dropped = in.http.dropped()
	}
	if r.door != c.door && r.door != doorUnqualified {
		r.unidentified = "this caller does not come through this door"
		return atlas.Reply{}, &fault{code: NotPermitted, detail: "This kind of request does not come in this way."}
	}
	body := in.body
	if in.http != nil {
		if f := in.http.route(); f != nil {
			return atlas.Reply{}, f
		}
	}
	if in.identity.IsAnonymous() && !h.config.AllowAnonymous {
		return atlas.Reply{}, &fault{code: NotPermitted, detail: "The request carries no identity that the broker knows."}
	}
	if in.http != nil {
		var f *fault
		if body, f = in.http.content(); f != nil {
			return atlas.Reply{}, f
		}
	} else if len(body) > maxBody {
		return atlas.Reply{}, &fault{code: BodyTooLarge, detail: "The request may have at most 16 KiB."}
	}
	request, faults := decode(body).validate(h.config.Roles, in.identity.Name())
	if len(faults) > 0 {
		return atlas.Reply{}, &fault{code: InvalidRequest, detail: "The body has faults; errors names each.", fields: faults}
	}
	r.orderNo, r.userName, r.role = request.OrderNo, request.UserName, request.Role
	account, f := h.decide(in, request, r)
	if f != nil {
		return atlas.Reply{}, f
	}
	return h.call(ctx, account, request, r)
}

// decide asks the policy about the very values that would be sent to Atlas, and
// returns the account that they may be sent to.
func (h *Handler) decide(in inbound, request atlas.Request, r *record) (*Account, *fault) {
	names := h.accounts.asked(in.http)
	if len(names) == 0 {
		r.cause = "the header " + accountHeader + " names no account that is configured"
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
	chosen := choose(names, permitted)
	decision := decisions[slices.Index(names, chosen)]
	question.Account = chosen
	r.account, r.policies, r.policyErrors = chosen, decision.Policies, decision.Errors
	h.compare(question, decision, r)
	switch {
	case decision.Allowed:
		return h.accounts.named[chosen], nil
	case len(permitted) > 0:
		return nil, &fault{code: NotPermitted, detail: "More than one Atlas account is open to you; name one in the header " + accountHeader + "."}
	}
	return nil, denied(in.identity, request)
}

// denied tells what helps an honest caller, and none of the rules.
func denied(who identity, request atlas.Request) *fault {
	if who.IsOperator() && request.UserName != who.Name() {
		return &fault{code: NotPermitted,
			detail: "You may open the portal as yourself only; leave userName out, or send the name you are signed in with."}
	}
	return &fault{code: NotPermitted, detail: "You may not open the portal with this user name and role."}
}

// compare notes where the candidate policy would have decided otherwise. It
// decides nothing.
func (h *Handler) compare(question policy.Question, decision policy.Decision, r *record) {
	if h.config.Candidate == nil {
		return
	}
	candidate := h.config.Candidate.Decide(question)
	r.compared = true
	if candidate.Allowed != decision.Allowed {
		r.candidate = &candidate
	}
}
