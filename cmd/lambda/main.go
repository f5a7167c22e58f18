// Command lambda is the function: it reads its environment, prepares the
// secret, the connection to Atlas and the policy, and then answers invocations.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"atriptoken/function"
)

func main() {
	h, err := function.New(context.Background(), env.ToMap(os.Environ()), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "atriptoken cannot start:", err)
		os.Exit(1)
	}
	lambda.StartWithOptions(h)
}
