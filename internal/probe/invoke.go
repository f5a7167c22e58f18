package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// reply is what the function returned: Atlas's object, an HTTP answer, or a function error.
type reply struct {
	URL       string `json:"url"`
	ErrorType string `json:"errorType"`
	Body      string `json:"body"`
}

// refusal returns the code of a refusal in any of the function's forms, "" when the reply is no refusal.
func (r reply) refusal() string {
	problem := struct{ Code string }{r.ErrorType}
	_ = json.Unmarshal([]byte(r.Body), &problem) // a body that is no JSON has no code
	return problem.Code
}

// invoke sends the payload to the function and returns its reply.
func (p *Probe) invoke(ctx context.Context, payload string) (reply, error) {
	client := lambda.NewFromConfig(p.AWS, func(o *lambda.Options) { o.HTTPClient, o.RetryMaxAttempts = p.client(), 1 })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &p.FunctionARN, Payload: []byte(payload)})
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) {
		return reply{}, fmt.Errorf("the function cannot be invoked: Lambda answered HTTP %d", answered.HTTPStatusCode())
	}
	if err != nil {
		return reply{}, errors.New("the function cannot be invoked: Lambda cannot be reached, or there are no credentials")
	}
	var r reply
	if err := json.Unmarshal(out.Payload, &r); err != nil {
		return reply{}, errors.New("the function's reply is no JSON object")
	}
	return r, nil
}
