// Command lambda is the function: it reads its environment, prepares the
// secret, the connection to Atlas and the policy, and then answers invocations.
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
	// One invocation at a time is a chain of waits: with one P, the runtime
	// hands goroutines on without waking a second thread, which costs more than
	// it brings (docs/performance.md). Below 1,769 MB there is less than one
	// processor to share in any case. The template sets GOMAXPROCS itself, which
	// spares the change.
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

// postTime is what aws-lambda-go gets to send the last answers off.
const postTime = 100 * time.Millisecond

// drain ends the process on SIGTERM once the invocations in flight are
// answered. Lambda sends it where an extension is present and on managed
// instances, and kills a process that does not end in time.
func drain(h *handler.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	_ = h.Drain(context.Background())
	time.Sleep(postTime)
	os.Exit(0)
}
