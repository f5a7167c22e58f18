package handler

// agent is an agent's tool call through Bedrock AgentCore Gateway: the arguments
// as a plain request, the tool's name in the client context (AgentCore developer
// guide, "AWS Lambda function targets"). docs/tool.json is the tool's schema. The
// gateway does not name the user, so the principal is the service.
var agent = &caller{
	name:    "agent",
	door:    doorService,
	matches: func(s *shape) bool { return s.tool != "" && isPlain(s) },
	read:    plain.read,
	succeed: plain.succeed,
	fail:    plain.fail,
}
