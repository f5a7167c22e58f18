package lambdatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/secret/secrettest"
)

// buildFunction builds the function once per test binary, with the policies next to
// it as in the deployed artifact.
var buildFunction = sync.OnceValues(func() (bootstrap string, err error) {
	for _, folder := range strings.Fields("atlas cmd/lambda handler internal/function internal/redact policy secret") {
		_, _ = os.ReadDir(checkout(folder)) // go test runs again after a change there: its cache does not see what go build reads
	}
	dir := filepath.Join(checkout("build"), "_test", filepath.Base(os.Args[0])) // ./... leaves out _test
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("lambdatest: %w", err)
	}
	if err := os.CopyFS(filepath.Join(dir, "policies"), os.DirFS(checkout("policy"))); err != nil {
		return "", fmt.Errorf("lambdatest: %w", err)
	}
	return Build(context.Background(), dir, checkout("cmd/lambda"))
})

// Bootstrap returns the path of the built function.
func Bootstrap(t testing.TB) string {
	t.Helper()
	bootstrap, err := buildFunction()
	if err != nil {
		t.Fatal(err)
	}
	return bootstrap
}

// Broker is the function, with simulators as its upstreams.
type Broker struct {
	*Function // nil before Start
	Atlas     *atlastest.Server
	Secrets   *secrettest.Server
	// Program is the bootstrap, or a script that runs it.
	Program string
	// Env is the function's environment. Change it before Start.
	Env map[string]string
}

// NewBroker starts the simulators for a bootstrap.
func NewBroker(t testing.TB, bootstrap string, atlas *atlastest.Options, secret *secrettest.Options) *Broker {
	b := &Broker{Program: bootstrap, Atlas: atlastest.NewServer(atlas), Secrets: secrettest.NewServer(secret)}
	t.Cleanup(b.Atlas.Close)
	t.Cleanup(b.Secrets.Close)
	b.Env = map[string]string{
		"ATLAS_BASE_URL": b.Atlas.URL, "ATLAS_SECRET_ARN": b.Secrets.ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": b.Secrets.URL,
		"LAMBDA_TASK_ROOT": filepath.Dir(bootstrap), "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
		"AWS_SECRET_ACCESS_KEY": "example",
	}
	return b
}

// Start starts the function. It is stopped with the test.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var err error
	if b.Function, err = Start(ctx, b.Program, b.Env); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
}

// Call sends an event through an alias of the function, or without one if alias is
// "". The test fails if the function does not answer.
func (b *Broker) Call(t testing.TB, alias string, event []byte) Reply {
	t.Helper()
	arn := strings.TrimSuffix(DefaultFunctionARN+":"+alias, ":")
	reply, err := b.Invoke(t.Context(), event, &InvokeOptions{FunctionARN: arn})
	if err != nil {
		t.Errorf("%v\n%s%s", err, b.Stdout(), b.Stderr())
	}
	return reply
}
