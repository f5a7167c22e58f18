package secrettest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"atriptoken/secret/secrettest"
)

func Example() {
	server := secrettest.NewServer(&secrettest.Options{Value: "first"})
	defer server.Close()
	client := secretsmanager.New(secretsmanager.Options{
		Region:       secrettest.Region,
		BaseEndpoint: aws.String(server.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		Retryer:      aws.NopRetryer{},
	})
	read := func() {
		out, err := client.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &server.ARN})
		var api smithy.APIError
		if errors.As(err, &api) {
			fmt.Println(api.ErrorCode())
			return
		}
		fmt.Println(aws.ToString(out.SecretString))
	}
	read()
	server.Put("second")
	read()
	server.Script(secrettest.Throttled(), secrettest.Deleted())
	read()
	read()
	read()
	// Output:
	// first
	// second
	// ThrottlingException
	// InvalidRequestException
	// second
}
