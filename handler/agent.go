package handler

// agent is a tool call of an agent, through Bedrock AgentCore Gateway: the
// arguments as a plain request, and the tool's name in the client context
// (AgentCore developer guide, "AWS Lambda function targets"). docs/tool.json is
// the tool's schema. The gateway invokes the function by a role of its own and
// does not say on whose behalf, so that the principal is the service.
var agent = &caller{
	name:    "agent",
	door:    doorService,
	matches: func(e *event) bool { return e.tool != "" && isPlain(e) },
	read:    plain.read,
	succeed: plain.succeed,
	fail:    plain.fail,
}
