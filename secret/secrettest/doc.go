// Package secrettest is a simulator of AWS Secrets Manager with one secret,
// in the manner of net/http/httptest: a real HTTP server on loopback that the
// AWS SDKs read when their endpoint is its URL (BaseEndpoint in Go's, or
// AWS_ENDPOINT_URL_SECRETS_MANAGER).
//
//	server := secrettest.NewServer(nil)
//	defer server.Close()
//	client := secretsmanager.New(secretsmanager.Options{
//		Region:       secrettest.Region,
//		BaseEndpoint: &server.URL,
//		Credentials:  credentials.NewStaticCredentialsProvider("id", "key", ""),
//	})
//
// It speaks the AWS JSON 1.1 protocol and knows GetSecretValue,
// PutSecretValue and DescribeSecret as the AWS Secrets Manager API Reference
// describes them, with versions, the staging labels AWSCURRENT and AWSPREVIOUS
// and the service's own error codes. A call has to carry a Signature Version
// 4 header; the signature in it is not verified.
//
// Put makes a new version, as a person does who rotates the secret. Script
// and Always replace the answers of the next calls or of all calls with a
// [Step]: denied, throttled, deleted, not decryptable, slow. Requests tells
// what was asked for.
//
// The secret's value is never written to Options.Logf nor kept in Requests.
package secrettest
