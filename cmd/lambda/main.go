// Command lambda is the function: it reads the environment, prepares the secret,
// the connection to Atlas and the policy, and then answers invocations.
package main

import (
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"atriptoken/handler"
	"atriptoken/internal/function"
)

func main() {
	readRootsOnce()
	variables := env.ToMap(os.Environ())
	slog.SetDefault(function.NewLogger(variables, os.Stdout)) // and no prefix in package log
	log.SetOutput(runtimeLog{})
	h, err := function.New(context.Background(), variables, os.Stdout)
	if err != nil {
		function.NewLogger(variables, os.Stderr).Error("atriptoken cannot start: " + err.Error())
		os.Exit(1)
	}
	lambda.StartWithOptions(h)
}

// readRootsOnce keeps crypto/x509 from reading each root certificate a second time,
// from the directory of single files that Amazon Linux 2023 has in addition to the
// bundle (https://go.dev/issue/79018). SSL_CERT_DIR names a directory then that the
// artifact does not have.
func readRootsOnce() {
	if os.Getenv("SSL_CERT_DIR") != "" {
		return
	}
	bundles := []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		bundles = []string{file}
	}
	for _, bundle := range bundles {
		if _, err := os.Stat(bundle); err == nil {
			_ = os.Setenv("SSL_CERT_DIR", filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "certificates"))
			return
		}
	}
}

// runtimeLog takes the lines of aws-lambda-go, which writes each function error to
// package log. It drops those whose errorType is a Code, as the audit line has it,
// and logs every other line as one JSON object.
type runtimeLog struct{}

func (runtimeLog) Write(line []byte) (int, error) {
	var failure struct {
		Type handler.Code `json:"errorType"`
	}
	_ = json.Unmarshal(line, &failure) // the lines before an exit are plain text
	if _, known := handler.Codes()[failure.Type]; !known {
		slog.Error("aws-lambda-go: "+string(line), "event", "runtime_error", "errorType", failure.Type)
	}
	return len(line), nil
}
