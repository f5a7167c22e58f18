package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// OperatorIAM is the value of Probe.Operator that signs with the probe's own AWS credentials.
const OperatorIAM = "IAM"

// identify gives the request a permitted caller's identity.
func (p *Probe) identify(request *http.Request) error {
	ctx := request.Context()
	if p.Operator == OperatorIAM {
		if Sign(ctx, p.AWS, request, body) != nil {
			return errors.New("there are no AWS credentials to sign with")
		}
		return nil
	}
	token, err := p.token(ctx)
	if err == nil {
		token.SetAuthHeader(request)
	}
	return err
}

// Sign signs a request to API Gateway with the credentials of config.
func Sign(ctx context.Context, config aws.Config, request *http.Request, body string) error {
	credentials, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(body))
	return v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "execute-api", config.Region, time.Now())
}

// token gets a token by the client credentials in the secret (RFC 6749, section 4.4). Some identity providers also require
// the audience. The errors leave out what the identity provider answered.
func (p *Probe) token(ctx context.Context) (*oauth2.Token, error) {
	out, err := secretsmanager.NewFromConfig(p.AWS).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &p.Operator})
	if err != nil {
		return nil, errors.New("the secret with the probe's client credentials cannot be read")
	}
	var client struct{ TokenURL, ClientID, ClientSecret, Scope, Audience string }
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &client) != nil || !strings.HasPrefix(client.TokenURL, "https://") {
		return nil, errors.New(`the probe's secret is not {"tokenUrl":"https://…","clientId":"…","clientSecret":"…"}`)
	}
	config := clientcredentials.Config{ClientID: client.ClientID, ClientSecret: client.ClientSecret, TokenURL: client.TokenURL,
		Scopes: strings.Fields(client.Scope), EndpointParams: url.Values{}}
	if client.Audience != "" {
		config.EndpointParams.Set("audience", client.Audience)
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, p.client()))
	if err != nil {
		return nil, errors.New("the identity provider gives the probe no token")
	}
	return token, nil
}
