package handler

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"atriptoken/atlas"
	"atriptoken/policy"
)

// connect is a flow of Amazon Connect (administrator guide, "Invoke AWS Lambda
// functions"). The block's parameters are the request. A flow waits at most 8 s
// and accepts a flat map of strings. It branches on values, so a failure is a
// normal answer with a code. Nothing about the contact is read or logged.
var connect = &caller{
	name:    "connect",
	door:    doorService,
	timeout: 7 * time.Second,
	matches: func(s *shape) bool { return s.Details != nil },
	read: func(e *event, _ claimNames) inbound {
		return inbound{identity: identity{Principal: policy.Service(e.door)}, body: e.Details.Parameters}
	},
	succeed: func(_ *shape, reply atlas.Reply) ([]byte, error) {
		answer := map[string]string{"code": outcomeOK, "url": reply.URL.Reveal(), "status": strconv.Itoa(reply.Status), "msg": ""}
		if reply.Msg != nil {
			answer["msg"] = *reply.Msg
		}
		return json.Marshal(answer)
	},
	fail: func(_ *shape, f fault, requestID string) ([]byte, error) {
		return json.Marshal(map[string]string{"code": string(f.code), "message": f.text(requestID)})
	},
}
