package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxReply bounds what is read of a function's reply; a link and its frame take well under 4 KiB.
const maxReply = 64 << 10

// Invoker invokes one function and waits for its reply.
type Invoker struct {
	// ARN is the function's, with the alias.
	ARN string
	// Config holds the Region, the credentials and, for tests, another endpoint.
	Config aws.Config
	// HTTP makes the calls. Nil means http.DefaultClient.
	HTTP *http.Client
}

// Invoke sends payload as JSON. An error says that the function could not be invoked; what the function itself thinks of
// the payload is in the reply. (Lambda API reference, "Invoke".)
func (i Invoker) Invoke(ctx context.Context, payload any) (reply, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return reply{}, fmt.Errorf("%w: the payload is no JSON", errInvoke)
	}
	request, err := i.signed(ctx, text)
	if err != nil {
		return reply{}, fmt.Errorf("%w: the request cannot be signed", errInvoke)
	}
	client := i.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("%w: Lambda cannot be reached", errInvoke)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(io.LimitReader(answer.Body, maxReply))
	if err != nil || answer.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("%w: Lambda answered HTTP %d", errInvoke, answer.StatusCode)
	}
	var r reply
	if err := json.Unmarshal(got, &r); err != nil {
		return reply{}, fmt.Errorf("%w: its reply is no JSON object", errInvoke)
	}
	return r, nil
}

func (i Invoker) signed(ctx context.Context, payload []byte) (*http.Request, error) {
	endpoint := "https://lambda." + i.Config.Region + ".amazonaws.com"
	if i.Config.BaseEndpoint != nil {
		endpoint = *i.Config.BaseEndpoint
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		endpoint+"/2015-03-31/functions/"+url.PathEscape(i.ARN)+"/invocations", bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	credentials, err := i.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(payload)
	return request, v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), "lambda", i.Config.Region, time.Now())
}
