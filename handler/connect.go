package handler

import (
	"cmp"
	"strconv"

	"github.com/go-json-experiment/json"

	"atriptoken/policy"
)

// readConnect reads the event of an Amazon Connect flow (administrator guide, "Invoke
// AWS Lambda functions"). The block's parameters are the request. Nothing about the
// contact is read or logged.
func readConnect(e *event, _ claimNames) inbound {
	return inbound{identity: identity{Principal: policy.Service(e.door)}, body: e.Details.Parameters}
}

// flatMap encodes the answer for a flow, which accepts a flat map of strings and
// branches on values: a failure is a normal answer with a code.
func flatMap(_ *shape, o outcome) ([]byte, error) {
	if o.fault != nil {
		return json.Marshal(map[string]string{"code": string(o.fault.code), "message": o.text()})
	}
	return json.Marshal(map[string]string{
		"code": outcomeOK, "url": o.reply.URL.Reveal(), "status": strconv.Itoa(o.reply.Status), "msg": *cmp.Or(o.reply.Msg, new(string)),
	})
}
