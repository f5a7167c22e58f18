package probe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// The answers of a function that accepted the caller.
const (
	readBody = "the function looked at the body"
	gaveLink = "a link"
)

// ForgedEvents is how many forged events a run sends to the function.
const ForgedEvents = 2

// forgedEvents are HTTP events as API Gateway sends them for a caller that it identified, by name of the check. The default
// policy permits both callers, so that only the alias can refuse them. The claims of an operator are configurable, those
// of an AWS principal are not: the second is understood by every broker.
var forgedEvents = [ForgedEvents]struct{ name, event string }{
	{"service, with a forged operator", httpEvent(`"jwt":{"claims":{"iss":"https://idp.example.com","sub":"probe",` +
		`"email":"probe@example.com","groups":"atrip-admin"}}`)},
	{"service, with a forged AWS principal", httpEvent(`"iam":{"userArn":"arn:aws:iam::123456789012:user/probe",` +
		`"accountId":"123456789012","userId":"AIDACKCEVSQ6C2EXAMPLE","callerId":"AIDACKCEVSQ6C2EXAMPLE"}`)},
}

func httpEvent(authorizer string) string {
	return fmt.Sprintf(`{"version":"2.0","routeKey":"POST /getAtripToken.do","rawPath":"/getAtripToken.do",
		"headers":{"content-type":"application/json"},"body":%q,"isBase64Encoded":false,
		"requestContext":{"http":{"method":"POST","path":"/getAtripToken.do","sourceIp":"192.0.2.1"},"stage":"$default",
			"authorizer":{%s}}}`, body, authorizer)
}

// invoke sends the function a plain request or an HTTP event. Behind an open alias it finds the fault in an event's body.
func (p *Probe) invoke(ctx context.Context, name, payload string) Check {
	client := lambda.NewFromConfig(p.AWS, func(o *lambda.Options) { o.HTTPClient, o.RetryMaxAttempts = p.client(), 1 })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &p.FunctionARN, Payload: []byte(payload)})
	if answered := (*awshttp.ResponseError)(nil); errors.As(err, &answered) {
		return Check{name, Unclear, fmt.Sprintf("the function cannot be invoked: Lambda answered HTTP %d", answered.HTTPStatusCode())}
	}
	if err != nil {
		return Check{name, Unclear, "the function cannot be invoked: Lambda cannot be reached, or there are no credentials"}
	}
	// A function error, Atlas's object, or an HTTP answer with the object or a problem in its body.
	var reply struct{ ErrorType, URL, Code, Body string }
	if json.Unmarshal(out.Payload, &reply) != nil {
		return Check{name, Unclear, "the function's reply is no JSON object"}
	}
	_ = json.Unmarshal([]byte(reply.Body), &reply) // a body that is no JSON has no code
	switch code := cmp.Or(reply.ErrorType, reply.Code); {
	case code == "NotPermitted":
		return Check{name, Refused, code}
	case code == "InvalidRequest":
		return Check{name, LetIn, readBody}
	case code != "":
		return Check{name, Unclear, code}
	case reply.URL != "":
		return Check{name, LetIn, gaveLink}
	default:
		return Check{name, LetIn, "a reply without a link"}
	}
}
