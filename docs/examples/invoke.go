//go:build ignore

// Invokes the broker's function from a Go service and prints the link.
//
//	go run invoke.go SERVICE_ALIAS_ARN ORDER USER ROLE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: go run invoke.go SERVICE_ALIAS_ARN ORDER USER ROLE")
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	payload, err := json.Marshal(map[string]string{"orderNo": os.Args[2], "userName": os.Args[3], "role": os.Args[4]})
	if err != nil {
		log.Fatal(err)
	}
	out, err := lambda.NewFromConfig(cfg).Invoke(context.Background(), &lambda.InvokeInput{FunctionName: &os.Args[1], Payload: payload})
	if err != nil {
		log.Fatal(err)
	}
	var reply struct{ URL, ErrorType, ErrorMessage string }
	if err := json.Unmarshal(out.Payload, &reply); err != nil {
		log.Fatal(err)
	}
	if out.FunctionError != nil {
		log.Fatalf("%s: %s", reply.ErrorType, reply.ErrorMessage) // errorType is the broker's code
	}
	if link, err := url.Parse(reply.URL); err != nil || link.Scheme != "https" && link.Scheme != "http" {
		log.Fatal("the reply has no link to a web page")
	}
	fmt.Println(reply.URL)
}
