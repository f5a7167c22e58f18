// Command plain is the function as a good engineer writes it in an afternoon:
// the AWS SDK's defaults, net/http's client, aws-lambda-go's event types. It is
// what the broker is compared with, so it does its work well and nothing more:
// no policy, no retry, no problem documents, no audit line.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

type credentials struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

type request struct {
	OrderNo  string `json:"orderNo"`
	UserName string `json:"userName"`
	Role     string `json:"role"`
}

type function struct {
	credentials credentials
	url         string
	client      *http.Client
}

func (f *function) handle(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	var in request
	if json.Unmarshal([]byte(event.Body), &in) != nil || in.OrderNo == "" || in.UserName == "" || in.Role == "" {
		return answer(http.StatusBadRequest, `{"error":"invalid body"}`), nil
	}
	body, err := json.Marshal(in)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(body))
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-atlas-client-id", f.credentials.ClientID)
	req.Header.Set("x-atlas-client-secret", f.credentials.ClientSecret)
	res, err := f.client.Do(req)
	if err != nil {
		log.Printf("atlas: %v", err)
		return answer(http.StatusBadGateway, `{"error":"upstream"}`), nil
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || res.StatusCode != http.StatusOK {
		log.Printf("atlas: status %d, %v", res.StatusCode, err)
		return answer(http.StatusBadGateway, `{"error":"upstream"}`), nil
	}
	return answer(http.StatusOK, string(reply)), nil
}

func answer(status int, body string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: body,
	}
}

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	arn := os.Getenv("ATLAS_SECRET_ARN")
	output, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		log.Fatal(err)
	}
	url := strings.TrimSuffix(os.Getenv("ATLAS_BASE_URL"), "/") + "/getAtripToken.do"
	f := &function{url: url, client: &http.Client{Timeout: 9 * time.Second}}
	if err := json.Unmarshal([]byte(*output.SecretString), &f.credentials); err != nil {
		log.Fatal(err)
	}
	lambda.Start(f.handle)
}
