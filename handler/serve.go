package handler

import (
	"context"

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
	in := c.read(e, h.claims)
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
	if in.identity.IsAnonymous() && !h.allowAnonymous {
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
	request, faults := decode(body).validate(h.roles, in.identity.Name())
	if len(faults) > 0 {
		return atlas.Reply{}, &fault{code: InvalidRequest, detail: "The body has faults; errors names each.", fields: faults}
	}
	r.orderNo, r.userName, r.role = request.OrderNo, request.UserName, request.Role
	if f := h.decide(in, request, r); f != nil {
		return atlas.Reply{}, f
	}
	return h.call(ctx, request, r)
}

// decide asks the policy about the very values that would be sent to Atlas.
func (h *Handler) decide(in inbound, request atlas.Request, r *record) *fault {
	decision := h.policy.Decide(policy.Question{
		Principal: in.identity.Principal,
		OrderNo:   request.OrderNo, UserName: request.UserName, Role: request.Role,
		Door: r.door, SourceIP: in.sourceIP, Now: h.now(),
	})
	r.policies, r.policyErrors = decision.Policies, decision.Errors
	if decision.Allowed {
		return nil
	}
	detail := "You may not open the portal with this user name and role."
	if in.identity.IsOperator() && request.UserName != in.identity.Name() {
		detail = "You may open the portal as yourself only; leave userName out, or send the name you are signed in with."
	}
	return &fault{code: NotPermitted, detail: detail}
}
