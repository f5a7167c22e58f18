package reliability

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"atriptoken/atlas/atlastest"
)

// moto starts moto's server, whose Secrets Manager keeps versions and stages as
// AWS does, and returns its URL and a client of it. `make tools` installs it.
func moto(t *testing.T) (string, *secretsmanager.Client) {
	t.Helper()
	program, err := filepath.Abs("../../.tools/venv/bin/moto_server")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	server := exec.Command(program, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	if err := server.Start(); err != nil {
		t.Fatalf("moto's server does not start; run make tools: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/data.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			break
		}
		if ctx.Err() != nil {
			t.Fatal("moto's server does not answer")
		}
		time.Sleep(50 * time.Millisecond) // a process says in no other way that it is up
	}
	return url, secretsmanager.New(secretsmanager.Options{
		Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("example", "example", ""),
	})
}

// value is a secret's value with this client secret.
func value(clientSecret string) *string {
	return aws.String(fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, atlastest.DefaultClientID, clientSecret))
}
