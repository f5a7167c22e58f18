// Command lambda is the function: it reads its environment, prepares the
// secret, the connection to Atlas and the policy, and then answers invocations.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"atriptoken/function"
	"atriptoken/handler"
)

func main() {
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
