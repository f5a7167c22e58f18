// Command lambda is the function: it reads the environment, prepares the secret,
// the connection to Atlas and the policy, and then answers invocations.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/caarlos0/env/v11"

	"atriptoken/handler"
	"atriptoken/internal/function"
)

func main() {
	// With one invocation at a time, a second thread costs more than it gains
	// (docs/performance.md). The template sets GOMAXPROCS too, which saves the change.
	if lambdacontext.MaxConcurrency() == 1 && runtime.GOMAXPROCS(0) != 1 {
		runtime.GOMAXPROCS(1)
	}
	h, err := function.New(context.Background(), env.ToMap(os.Environ()), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "atriptoken cannot start:", err)
		os.Exit(1)
	}
	go drain(h)
	lambda.StartWithOptions(h)
}

// postTime lets aws-lambda-go post the last responses.
const postTime = 100 * time.Millisecond

// drain ends the process on SIGTERM after the invocations in flight. Lambda sends
// SIGTERM if an extension is present and on managed instances, and kills a process
// that does not end in time.
func drain(h *handler.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	_ = h.Drain(context.Background())
	time.Sleep(postTime)
	os.Exit(0)
}
