package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxReply bounds what is read of a function's reply, in bytes; a link and what surrounds it take well under 4 KiB.
const maxReply = 64 << 10

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

// invoke sends payload to the alias for services and returns the function's reply (Lambda API reference, "Invoke").
func (p *Probe) invoke(ctx context.Context, payload string) (reply, error) {
	response, err := p.post(ctx, payload)
	if err != nil {
		return reply{}, errors.New("the function cannot be invoked: Lambda cannot be reached, or there are no credentials")
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil || response.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("the function cannot be invoked: Lambda answered HTTP %d", response.StatusCode)
	}
	var r reply
	if err := json.Unmarshal(got, &r); err != nil {
		return reply{}, errors.New("the function's reply is no JSON object")
	}
	return r, nil
}

func (p *Probe) post(ctx context.Context, payload string) (*http.Response, error) {
	endpoint := "https://lambda." + p.AWS.Region + ".amazonaws.com"
	if p.AWS.BaseEndpoint != nil {
		endpoint = *p.AWS.BaseEndpoint
	}
	target := endpoint + "/2015-03-31/functions/" + url.PathEscape(p.ServiceARN) + "/invocations"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(payload))
	if err != nil {
		return nil, err
	}
	credentials, err := p.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(payload))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "lambda", p.AWS.Region, time.Now()); err != nil {
		return nil, err
	}
	return p.do(request)
}
